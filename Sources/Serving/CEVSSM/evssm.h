/* evssm.h: compiled plans in any program, through a C interface.
 *
 * A plan (a file that `evssm compile` writes) is opened once and shared; a session has the threads and the memory of
 * one run at a time. Feature maps, weights and threads belong to the library; pictures belong to the caller.
 *
 *     evssm_error error;
 *     evssm_plan *plan = NULL;
 *     evssm_session *session = NULL;
 *     if (evssm_plan_open("deblurring.plan", NULL, &plan, &error) != EVSSM_OK) return report(&error);
 *     if (evssm_session_create(plan, NULL, &session, &error) != EVSSM_OK) return report(&error);
 *     if (evssm_session_bind(session, height, width, &error) != EVSSM_OK) return report(&error);
 *     if (evssm_session_run(session, input, count, output, count, NULL, &error) != EVSSM_OK) return report(&error);
 *     evssm_session_close(session);
 *     evssm_plan_close(plan);
 *
 * Errors: every function that can fail returns a status and, where `error` is not NULL, fills in what happened. Nothing
 * is printed, no signal is raised, and the library keeps no global state of its own.
 *
 * Threads: a plan may be used from any number of threads at once. A session may move between threads, but serves one
 * call at a time: a second call meanwhile returns EVSSM_BUSY. A process that forks must open its plans after the fork.
 *
 * Compatibility: structures that may grow begin with `struct_size`, which the caller sets to sizeof the structure it
 * was compiled with. Within one EVSSM_ABI_VERSION functions and members are only added.
 */
#ifndef EVSSM_H
#define EVSSM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this interface; evssm_abi_version() tells which one the library has. */
#define EVSSM_ABI_VERSION 1

/** What became of a call. Failures have the values of sysexits.h where it has one. */
typedef enum evssm_status {
  EVSSM_OK = 0,
  /** The run was stopped by its cancel flag; the output's values are unspecified. */
  EVSSM_CANCELLED = 1,
  /** The run was stopped by its deadline; the output's values are unspecified. */
  EVSSM_DEADLINE_EXCEEDED = 2,
  /** Another call uses the session. */
  EVSSM_BUSY = 3,
  /** An argument is missing or out of range. */
  EVSSM_INVALID_ARGUMENT = 64,
  /** The file is no plan, is damaged, or is not what the options ask for. */
  EVSSM_BAD_PLAN = 65,
  /** There is no such file. */
  EVSSM_NO_FILE = 66,
  /** Memory or threads are not to be had. */
  EVSSM_UNAVAILABLE = 69,
  /** A fault of the library. */
  EVSSM_INTERNAL = 70,
  /** The system could not read. */
  EVSSM_INPUT_OUTPUT = 74
} evssm_status;

/** What went wrong, how to mend it, and where: zero-terminated UTF-8, cut at a character where it is too long. */
typedef struct evssm_error {
  evssm_status status;
  /** A stable identifier, such as `plan.digest-mismatch`. */
  char code[64];
  /** One or two sentences, with the place in front. */
  char message[1024];
} evssm_error;

/** An opened plan: validated, its weights mapped from the file and shared by all of its sessions and by other
 * processes. */
typedef struct evssm_plan evssm_plan;

/** Threads, and the memory for pictures of one size at a time. */
typedef struct evssm_session evssm_session;

typedef struct evssm_plan_options {
  size_t struct_size;
  /** NULL, or the 32 bytes of an Ed25519 public key (RFC 8032) that must have signed the plan. */
  const uint8_t *trusted_key;
} evssm_plan_options;

/** Facts about a plan. Text is zero-terminated and belongs to the plan. */
typedef struct evssm_plan_info {
  size_t struct_size;
  /** Such as `EVSSM`. */
  const char *architecture;
  /** How the scan cuts pictures into windows: `released` or `whole`. */
  const char *windows;
  /** SHA-256 of the plan's sections as 64 hexadecimal digits: two plans with the same digest compute the same. */
  const char *digest;
  /** Parameters of the network. */
  uint64_t parameter_count;
  /** Bytes of packed weights. */
  uint64_t weights_bytes;
  /** The smallest and largest height and width, and the most pixels, of a picture. */
  int64_t minimum_side;
  int64_t maximum_side;
  int64_t maximum_pixels;
} evssm_plan_info;

typedef struct evssm_session_options {
  size_t struct_size;
  /** Threads that work on a picture, 1 to 256; 0: one for each processor. The result does not depend on it. */
  int32_t threads;
  /** NULL or "": the best of this processor; else `baseline`, `avx2`, `avx512` … */
  const char *instruction_set;
  /** The most bytes of memory that a bind may take; 0: no limit. */
  uint64_t max_memory;
} evssm_session_options;

typedef struct evssm_run_options {
  size_t struct_size;
  /** CLOCK_MONOTONIC in nanoseconds at which to give up; 0: never. Read between the steps of the plan. */
  uint64_t deadline;
  /** NULL, or a flag that another thread may set to a value other than 0 to stop the run. Read between the steps of the
   * plan, each a few hundredths of the run. */
  const volatile int32_t *cancel;
} evssm_run_options;

/** EVSSM_ABI_VERSION of the library. */
uint32_t evssm_abi_version(void);

/** Opens and validates a plan file. All digests are checked, so the cost is that of reading the file once.
 * @param path zero-terminated
 * @param options may be NULL
 * @param plan receives the plan; close it with evssm_plan_close */
evssm_status evssm_plan_open(const char *path, const evssm_plan_options *options, evssm_plan **plan,
                             evssm_error *error);

/** Releases a plan. Its sessions stay valid: they keep what they need. NULL is allowed. */
void evssm_plan_close(evssm_plan *plan);

/** Fills in what a plan is. `info->struct_size` must be set; text is valid until the plan is closed. */
evssm_status evssm_plan_inspect(const evssm_plan *plan, evssm_plan_info *info, evssm_error *error);

/** Bytes that a session takes for pictures of this size, without the weights. Allocates nothing of that size. */
evssm_status evssm_plan_memory(const evssm_plan *plan, int64_t height, int64_t width, int32_t threads, uint64_t *bytes,
                               evssm_error *error);

/** Makes a session and starts its threads.
 * @param options may be NULL
 * @param session receives the session; close it with evssm_session_close */
evssm_status evssm_session_create(const evssm_plan *plan, const evssm_session_options *options, evssm_session **session,
                                  evssm_error *error);

/** Stops a session's threads and frees its memory. Must not be called during a run. NULL is allowed. */
void evssm_session_close(evssm_session *session);

/** Lays out and allocates memory for pictures of a size. What was bound before is released first; the same size again
 * costs nothing. */
evssm_status evssm_session_bind(evssm_session *session, int64_t height, int64_t width, evssm_error *error);

/** Restores a picture. Allocates nothing, and touches neither picture after it has returned.
 *
 * Pictures are planar float32: 3 × height × width values (red, green, blue), row by row, in [0, 1]. The result is not
 * clamped. An 8-bit picture is byte / 255 on the way in and ⌊255 · clamp(value, 0, 1) + ½⌋ on the way out.
 * @param input_count, output_count count of values: 3 · height · width of the size that is bound
 * @param output must not overlap `input`
 * @param options may be NULL */
evssm_status evssm_session_run(evssm_session *session, const float *input, size_t input_count, float *output,
                               size_t output_count, const evssm_run_options *options, evssm_error *error);

#ifdef __cplusplus
}
#endif

#endif
