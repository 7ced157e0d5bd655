#ifdef __linux__
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <time.h>
#endif

#include "CKernels.h"

#ifdef __linux__

int evssm_this_processor(void) { return sched_getcpu(); }

uint64_t evssm_this_thread(void) { return (uint64_t)pthread_self(); }

uint64_t evssm_thread_time(uint64_t thread) {
  clockid_t clock;
  struct timespec time;
  if (pthread_getcpuclockid((pthread_t)thread, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Moves a thread to a processor; where it may run is `allowed` before and after. */
static void move(pthread_t thread, int processor, const cpu_set_t *allowed) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  if (pthread_setaffinity_np(thread, sizeof one, &one) == 0) pthread_setaffinity_np(thread, sizeof *allowed, allowed);
}

/* The next processor after `own`, round and round, that is allowed; `own` if there is no other. */
static int next_processor(int own, const cpu_set_t *allowed) {
  for (int step = 1; step < CPU_SETSIZE; step++) {
    int processor = (own + step) % CPU_SETSIZE;
    if (CPU_ISSET(processor, allowed)) return processor;
  }
  return own;
}

void evssm_exchange_processors(uint64_t thread, int processor) {
  int own = sched_getcpu();
  cpu_set_t allowed, other_allowed;
  if (own < 0 || own >= CPU_SETSIZE || processor < 0 || processor >= CPU_SETSIZE) return;
  if (pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed) != 0) return;
  if (pthread_getaffinity_np((pthread_t)thread, sizeof other_allowed, &other_allowed) != 0) return;
  if (processor == own) processor = next_processor(own, &allowed);
  if (processor == own || !CPU_ISSET(processor, &allowed) || !CPU_ISSET(own, &other_allowed)) return;
  move((pthread_t)thread, own, &other_allowed);
  move(pthread_self(), processor, &allowed);
}

#else

int evssm_this_processor(void) { return -1; }

uint64_t evssm_this_thread(void) { return 1; }

uint64_t evssm_thread_time(uint64_t thread) {
  (void)thread;
  return 0;
}

void evssm_exchange_processors(uint64_t thread, int processor) {
  (void)thread;
  (void)processor;
}

#endif
