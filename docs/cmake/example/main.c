/* A consumer of the library. It does not know how the library was built. */
#include "mq.h"

void put_text(const char *text);

static unsigned locks;

unsigned irq_lock(void) {
  return locks++;
}

void irq_unlock(unsigned key) {
  locks = key;
}

static void put_number(int number) {
  char digits[12];
  unsigned at = sizeof digits - 1;
  unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
  digits[at] = 0;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest);
  if (number < 0)
    digits[--at] = '-';
  put_text(&digits[at]);
}

static void line(const char *what, int number) {
  put_text(what);
  put_text(" ");
  put_number(number);
  put_text("\n");
}

void mq_wake(unsigned queue) {
  line("wake", (int)queue);
}

static void get(unsigned queue) {
  unsigned long long got = mq_get(queue);
  line("get", (int)(unsigned)got);
  if ((unsigned)got == MQ_OK)
    line("word", (int)(unsigned)(got >> 32));
}

int main(void) {
  mq_reset();
  /* One more than fit. */
  for (int n = 0; n <= MQ_WORDS; n++)
    line("put", mq_put(1, 100u + (unsigned)n));
  line("count", mq_count(1));
  get(1);
  get(1);
  line("put", mq_put(1, 200));
  /* Round the end. */
  for (int n = 0; n < MQ_WORDS; n++)
    get(1);
  line("put", mq_put(1, 300));
  line("put", mq_put(MQ_QUEUES, 0));
  line("count", mq_count(MQ_QUEUES));
  /* Many steps, and a sum over all that came out. */
  unsigned random = 1, sum = 0;
  mq_reset();
  for (int n = 0; n < 20000; n++) {
    random = random * 1664525u + 1013904223u;
    unsigned queue = random >> 30;
    if (random >> 29 & 1) {
      if (mq_count(queue) < MQ_WORDS - 1 && mq_count(queue) > 0)
        sum += (unsigned)mq_put(queue, random);
    } else if (mq_count(queue) > 0) {
      sum = sum * 31 + (unsigned)(mq_get(queue) >> 32);
    } else {
      sum += (unsigned)mq_put(queue, random ^ sum);
    }
  }
  line("sum", (int)(sum >> 1));
  line("locks", (int)locks);
  return 0;
}
