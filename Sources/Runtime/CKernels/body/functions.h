/* Elementwise functions. Coefficients are minimax fits in float64, rounded to float32. */

#ifndef EVSSM_SIMD_HAS_EXP
/* 2^x for x in the range of vec_scale. Terms are summed in pairs: a shorter chain than Horner's. */
INLINE vec function_exp2_within(vec x) {
  vec n = vec_round(x);
  vec f = vec_sub(x, n), square = vec_mul(f, f);
  vec low = vec_fma(vec_set(0.6931471824645996f), f, vec_set(1));
  vec middle = vec_fma(vec_set(0.055503323674201965f), f, vec_set(0.24022647738456726f));
  vec high = vec_fma(vec_set(0.0013398873852565885f), f, vec_set(0.00961843691766262f));
  high = vec_fma(vec_set(0.00015353361959569156f), square, high);
  return vec_scale(vec_fma(vec_fma(high, square, middle), square, low), n);
}

/* 2^x for a result and |x| that float32 holds: relative error below 2e-7. Below -126 gradually zero; from 128 on
 * infinity. */
INLINE vec function_exp2(vec x) { return function_exp2_within(vec_min(vec_set(128), vec_max(vec_set(-127), x))); }

/* 2^x for x <= 0. */
INLINE vec function_decay(vec x) { return function_exp2_within(vec_max(vec_set(-127), x)); }

/* e^-x for x in [0, 87]: log(2) is split in two, so that the error does not grow with x. */
INLINE vec function_exp_negative(vec x) {
  vec n = vec_round(vec_mul(x, vec_set(-1.4426950216293335f)));
  vec f = vec_fma(n, vec_set(-0.693359375f), vec_sub(vec_set(0), x));
  f = vec_fma(n, vec_set(0.00021219444170128554f), f);
  vec p = vec_set(0.0013814540579915047f);
  p = vec_fma(p, f, vec_set(0.00836874544620514f));
  p = vec_fma(p, f, vec_set(0.04166838899254799f));
  p = vec_fma(p, f, vec_set(0.1666652113199234f));
  p = vec_fma(p, f, vec_set(0.4999999403953552f));
  p = vec_fma(p, f, vec_set(1));
  p = vec_fma(p, f, vec_set(1));
  return vec_scale(p, n);
}
#endif

#ifndef EVSSM_SIMD_HAS_LOG1P
/* log(1 + e) for e in [0, 1], relative error 1e-7. */
INLINE vec function_log1p(vec e) {
  vec p = vec_set(0.0052326750010252f);
  p = vec_fma(p, e, vec_set(-0.029505157843232155f));
  p = vec_fma(p, e, vec_set(0.07822581380605698f));
  p = vec_fma(p, e, vec_set(-0.13663232326507568f));
  p = vec_fma(p, e, vec_set(0.19105999171733856f));
  p = vec_fma(p, e, vec_set(-0.2484298050403595f));
  p = vec_fma(p, e, vec_set(0.3331909775733948f));
  p = vec_fma(p, e, vec_set(-0.4999949336051941f));
  p = vec_fma(p, e, vec_set(0.9999999403953552f));
  return vec_mul(p, e);
}
#endif

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|); above 20 the sum rounds to x. */
INLINE vec function_softplus(vec x) {
  vec e = function_exp_negative(vec_min(vec_set(87), vec_abs(x)));
  return vec_add(vec_max(vec_set(0), x), function_log1p(e));
}

#ifndef EVSSM_SIMD_HAS_GELU
/* x * (1 + erf(x / sqrt 2)) / 2, absolute error below 3e-7 * max(1, |x|). erf / 2 is x * P(x^2) / Q(x^2) up to
 * |x| = 5.2; beyond, x^2 is held there and the result reaches its limit 1/2. */
INLINE vec function_gelu(vec x) {
  vec z = vec_min(vec_set(27.04f), vec_mul(x, x));
  vec p = vec_set(6.113827566878172e-06f);
  p = vec_fma(p, z, vec_set(0.0003291997127234936f));
  p = vec_fma(p, z, vec_set(0.005608228966593742f));
  p = vec_fma(p, z, vec_set(0.05088309571146965f));
  p = vec_fma(p, z, vec_set(0.3989414572715759f));
  vec q = vec_set(5.225059567237622e-07f);
  q = vec_fma(q, z, vec_set(0.00011848222493426874f));
  q = vec_fma(q, z, vec_set(0.0027855830267071724f));
  q = vec_fma(q, z, vec_set(0.038106851279735565f));
  q = vec_fma(q, z, vec_set(0.29420188069343567f));
  q = vec_fma(q, z, vec_set(1));
  vec finite = vec_max(vec_set(-3.40282347e38f), x);
  vec half_erf = vec_mul(finite, vec_div(p, q));
  half_erf = vec_min(vec_set(0.5f), vec_max(vec_set(-0.5f), half_erf));
  return vec_mul(finite, vec_add(half_erf, vec_set(0.5f)));
}
#endif

#ifndef EVSSM_SIMD_HAS_REDUCED
/* The same to 13 bits, for plans in reduced precision: absolute error below 1.1e-4 * max(1, |x|). erf / 2 is x * P(x^2)
 * up to |x| = 3.8; beyond, x^2 is held there and the result reaches its limit 1/2. */
INLINE vec function_gelu_reduced(vec x) {
  vec z = vec_min(vec_set(14.44f), vec_mul(x, x));
  vec p = vec_set(3.1744061601557405e-08f);
  p = vec_fma(p, z, vec_set(-2.0347447389212903e-06f));
  p = vec_fma(p, z, vec_set(5.622795652016066e-05f));
  p = vec_fma(p, z, vec_set(-0.0008910060860216618f));
  p = vec_fma(p, z, vec_set(0.00913450587540865f));
  p = vec_fma(p, z, vec_set(-0.06536060571670532f));
  p = vec_fma(p, z, vec_set(0.39846745133399963f));
  vec finite = vec_max(vec_set(-3.40282347e38f), x);
  vec half_erf = vec_min(vec_set(0.5f), vec_max(vec_set(-0.5f), vec_mul(finite, p)));
  return vec_mul(finite, vec_add(half_erf, vec_set(0.5f)));
}

/* The other functions of the scan have nothing to gain here. */
INLINE vec function_decay_reduced(vec x) { return function_decay(x); }
INLINE vec function_softplus_reduced(vec x) { return function_softplus(x); }
#endif
