/* Message queues of words. Queues have numbers; all functions may be called from interrupt handlers. */
#ifndef MQ_H
#define MQ_H

#define MQ_QUEUES 4
#define MQ_WORDS 8

#define MQ_OK 0
#define MQ_FULL (-1)
#define MQ_EMPTY (-2)
#define MQ_NO_QUEUE (-3)

/* Empties all queues. */
void mq_reset(void);
/* Appends a word. If somebody waits for one, wakes him up. */
int mq_put(unsigned queue, unsigned word);
/* Takes the oldest word; low half of the result MQ_OK or an error, high half the word. A caller who finds none waits from now on. */
unsigned long long mq_get(unsigned queue);
/* Number of words, or MQ_NO_QUEUE. */
int mq_count(unsigned queue);

/* What the host has to define. */
unsigned irq_lock(void);
void irq_unlock(unsigned key);
void mq_wake(unsigned queue);

#endif
