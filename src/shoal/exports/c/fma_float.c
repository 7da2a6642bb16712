
/* --- a b + c, rounded once ------------------------------------------------------------ */

#if defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__aarch64__) || (defined(__ARM_FEATURE_FMA) && __ARM_FP & 4)
#define multiply_add(a, b, c) __builtin_fmaf(a, b, c)
#else
/* The product is exact in double. The sum is rounded to odd there (Boldo and Melquiond, "Emulation
   of a FMA and correctly rounded sums", IEEE Transactions on Computers, 2008), so that the second
   rounding, to float, is right. A contraction of the product with a sum changes nothing, as the
   product is exact. */
static real multiply_add(real a, real b, real c)
{
    union { double number; uint64_t bits; } sum;
    const double product = (double)a * (double)b;
    double part, rest;
    sum.number = product + (double)c;
    /* Only half way between two floats, and among the smallest of them, the rest matters. */
    if ((sum.bits & 0x1fffffff) != 0x10000000 && (sum.number >= FLT_MIN || sum.number <= -FLT_MIN)) return (real)sum.number;
    if (!(sum.number - sum.number == 0)) return (real)sum.number;
    part = sum.number - product;
    rest = (product - (sum.number - part)) + ((double)c - part);
    if (rest != 0 && !(sum.bits & 1)) {
        if ((rest > 0) == (sum.number > 0))
            ++sum.bits;
        else
            --sum.bits;
    }
    return (real)sum.number;
}
#endif
