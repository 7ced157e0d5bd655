/* Restores a picture with a compiled plan.
 *
 *     cc -std=c11 restore.c -levssm -o restore
 *     ./restore deblurring.plan blurred.ppm sharp.ppm
 *
 * Pictures are binary PPM files (P6) of 8 bits, which need no library to read and write. */
#define _POSIX_C_SOURCE 200809L
#include <evssm.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
  long width, height;
  /** Planar: all reds, all greens, all blues, in [0, 1]. */
  float *planes;
} picture;

static int fail(const char *what, const evssm_error *error) {
  fprintf(stderr, "%s: %s [%s]\n", what, error->message, error->code);
  return error->status ? (int)error->status : 70;
}

/** Returns 0, or an exit code after it has said what is wrong. */
static int read_picture(const char *path, picture *out) {
  int maximum = 0, code = 65;
  unsigned char *bytes = NULL;
  FILE *file = fopen(path, "rb");
  if (!file) return perror(path), 66;
  if (fscanf(file, "P6 %ld %ld %d", &out->width, &out->height, &maximum) != 3 || maximum != 255 || out->width < 1 ||
      out->height < 1 || out->width > 32768 || out->height > 32768) {
    fprintf(stderr, "%s: not a binary PPM of 8 bits\n", path);
    goto done;
  }
  fgetc(file);
  const size_t pixels = (size_t)out->width * (size_t)out->height;
  bytes = malloc(3 * pixels);
  out->planes = malloc(3 * pixels * sizeof(float));
  if (!bytes || !out->planes) {
    fprintf(stderr, "%s: no memory for %zu pixels\n", path, pixels);
    goto done;
  }
  if (fread(bytes, 3, pixels, file) != pixels) {
    fprintf(stderr, "%s: ends too early\n", path);
    goto done;
  }
  for (size_t i = 0; i < pixels; i++) {
    for (size_t c = 0; c < 3; c++) out->planes[c * pixels + i] = (float)bytes[3 * i + c] / 255.0f;
  }
  code = 0;
done:
  free(bytes);
  fclose(file);
  return code;
}

static int write_picture(const char *path, const picture *in) {
  const size_t pixels = (size_t)in->width * (size_t)in->height;
  FILE *file = fopen(path, "wb");
  if (!file) return perror(path), 74;
  fprintf(file, "P6\n%ld %ld\n255\n", in->width, in->height);
  for (size_t i = 0; i < pixels; i++) {
    for (size_t c = 0; c < 3; c++) {
      float value = in->planes[c * pixels + i];
      value = value > 1 ? 1 : value > 0 ? value : 0;
      fputc((int)(255.0f * value + 0.5f), file);
    }
  }
  const int failed = ferror(file) | fclose(file);
  if (failed) return perror(path), 74;
  return 0;
}

/** Now, on the clock of evssm_run_options.deadline. */
static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int restore(const char *plan_path, picture *in, picture *out) {
  evssm_error error;
  evssm_plan *plan = NULL;
  evssm_session *session = NULL;
  int code = 0;
  const size_t count = 3 * (size_t)in->width * (size_t)in->height;

  if (evssm_plan_open(plan_path, NULL, &plan, &error)) return fail("open", &error);

  evssm_plan_info info = {.struct_size = sizeof info};
  if (evssm_plan_inspect(plan, &info, &error)) {
    code = fail("inspect", &error);
    goto done;
  }
  printf("%s, %llu parameters, plan %.16s\n", info.architecture, (unsigned long long)info.parameter_count, info.digest);

  out->planes = malloc(count * sizeof(float));
  evssm_run_options run = {.struct_size = sizeof run, .deadline = now() + 600ull * 1000000000ull};
  if (!out->planes) {
    code = 70;
  } else if (evssm_session_create(plan, NULL, &session, &error)) {
    code = fail("session", &error);
  } else if (evssm_session_bind(session, in->height, in->width, &error)) {
    code = fail("bind", &error);
  } else if (evssm_session_run(session, in->planes, count, out->planes, count, &run, &error)) {
    code = fail("run", &error);
  }

done:
  evssm_session_close(session);
  evssm_plan_close(plan);
  return code;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s PLAN INPUT.ppm OUTPUT.ppm\n", argv[0]);
    return 64;
  }
  if (evssm_abi_version() != EVSSM_ABI_VERSION) {
    fprintf(stderr, "libevssm has another interface than evssm.h\n");
    return 70;
  }
  picture in = {0};
  int code = read_picture(argv[2], &in);
  picture out = {.width = in.width, .height = in.height};
  if (!code) code = restore(argv[1], &in, &out);
  if (!code) code = write_picture(argv[3], &out);
  free(in.planes);
  free(out.planes);
  return code;
}
