
/* --- functions, from multiply_add and bits alone ---------------------------------------- */

/* 2 to the whole number k, which arrives as k + TO_INTEGER. */
static real power_of_two(real k_shifted)
{
    return with_bits((bits_of(k_shifted) + EXPONENT_BIAS) << MANTISSA_BITS);
}

/* a[0] + a[1] x + a[2] x^2 + ..., by Horner's rule. */
static real polynomial(const real *a, int n, real x)
{
    real sum = a[n - 1];
    int i;
    for (i = n - 2; i >= 0; --i) sum = multiply_add(sum, x, a[i]);
    return sum;
}

#define LENGTH(array) ((int)(sizeof(array) / sizeof(array)[0]))
