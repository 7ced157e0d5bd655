/* Two threads on two processors hand a number to each other and back; see tools/bench/core-latency. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EXCHANGES = 20000, ROUNDS = 20, END = -1 };

static _Alignas(128) atomic_int number;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/* Makes every odd number the next even one. */
static void *answer(void *processor) {
  stay_on(*(int *)processor);
  for (;;) {
    int value = atomic_load_explicit(&number, memory_order_acquire);
    if (value == END) return NULL;
    if (value & 1) atomic_store_explicit(&number, value + 1, memory_order_release);
  }
}

/* Seconds of one exchange. */
static double exchange(int *value) {
  double start = now();
  for (int i = 0; i < EXCHANGES; i++, *value += 2) {
    atomic_store_explicit(&number, *value + 1, memory_order_release);
    while (atomic_load_explicit(&number, memory_order_acquire) != *value + 2) {
    }
  }
  return (now() - start) / EXCHANGES;
}

int main(int count, char **arguments) {
  int first = count > 2 ? atoi(arguments[1]) : 0, second = count > 2 ? atoi(arguments[2]) : 1, value = 0;
  pthread_t other;
  if (first == second || first < 0 || second < 0 || first >= CPU_SETSIZE || second >= CPU_SETSIZE ||
      stay_on(second) != 0 || stay_on(first) != 0 || pthread_create(&other, NULL, answer, &second) != 0) {
    fprintf(stderr, "core-latency: name two processors that this process may use.\n");
    return 64;
  }
  double least = 1, sum = 0;
  for (int round = 0; round < ROUNDS; round++) {
    double seconds = exchange(&value);
    least = seconds < least ? seconds : least;
    sum += seconds;
  }
  atomic_store(&number, END);
  pthread_join(other, NULL);
  printf("processors %d and %d: %.0f ns there and back, %.0f at least\n", first, second, 1e9 * sum / ROUNDS,
         1e9 * least);
  return 0;
}
