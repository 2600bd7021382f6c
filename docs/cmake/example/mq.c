/* The queues and what is done to them; what is to be done is decided in mq_decide.rs. */
#include "mq.h"

enum { STORE = 1, STORE_AND_WAKE = 2, REFUSE = 3, TAKE = 4, WAIT = 5 };

struct queue {
  unsigned words[MQ_WORDS];
  unsigned head;
  unsigned count;
  unsigned waiting;
};

static struct queue queues[MQ_QUEUES];

/* Low half: what to do. High half: which word it is about. */
unsigned long long mq_decide_put(unsigned head, unsigned count, unsigned capacity, unsigned waiting);
unsigned long long mq_decide_get(unsigned head, unsigned count, unsigned capacity);

void mq_reset(void) {
  unsigned key = irq_lock();
  for (unsigned n = 0; n < MQ_QUEUES; n++) {
    queues[n].head = 0;
    queues[n].count = 0;
    queues[n].waiting = 0;
  }
  irq_unlock(key);
}

int mq_put(unsigned queue, unsigned word) {
  if (queue >= MQ_QUEUES)
    return MQ_NO_QUEUE;
  struct queue *q = &queues[queue];
  unsigned key = irq_lock();
  unsigned long long decision = mq_decide_put(q->head, q->count, MQ_WORDS, q->waiting);
  unsigned action = (unsigned)decision;
  if (action != REFUSE) {
    q->words[(unsigned)(decision >> 32)] = word;
    q->count++;
  }
  if (action == STORE_AND_WAKE) {
    q->waiting--;
    mq_wake(queue);
  }
  irq_unlock(key);
  return action == REFUSE ? MQ_FULL : MQ_OK;
}

unsigned long long mq_get(unsigned queue) {
  if (queue >= MQ_QUEUES)
    return (unsigned)MQ_NO_QUEUE;
  struct queue *q = &queues[queue];
  unsigned key = irq_lock();
  unsigned long long decision = mq_decide_get(q->head, q->count, MQ_WORDS);
  unsigned long long result = (unsigned)MQ_EMPTY;
  if ((unsigned)decision == TAKE) {
    result = (unsigned long long)q->words[q->head] << 32;
    q->head = (unsigned)(decision >> 32);
    q->count--;
  } else {
    q->waiting++;
  }
  irq_unlock(key);
  return result;
}

int mq_count(unsigned queue) {
  return queue < MQ_QUEUES ? (int)queues[queue].count : MQ_NO_QUEUE;
}
