/* --- what the bits rest on ------------------------------------------------------------ */

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "-ffast-math and -ffinite-math-only change the results: compile this file without them"
#endif
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "unsafe floating-point optimisations change the results: compile this file without them"
#endif
/* 16: processors with half precision; float and double are themselves (C23, Annex H). */
#if !defined(FLT_EVAL_METHOD) || (FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16)
#error "arithmetic has more precision than its types (x87): compile with -msse2 -mfpmath=sse"
#endif
#if FLT_RADIX != 2 || FLT_MANT_DIG != 24 || DBL_MANT_DIG != 53
#error "float and double must be the 32 and 64 bits of IEEE 754"
#endif

/* Not detected: flush-to-zero and rounding modes that a program sets while it runs. */
