
/* exp(x) for x <= 0, and as far as 2^k is a normal number; below the normal numbers it is 0. */
static real exp_of_negative(real x)
{
    const real floored = (EXP_LOWEST) > x ? (EXP_LOWEST) : x;
    const real k_shifted = multiply_add(floored, LOG2_E, TO_INTEGER);
    const real k = k_shifted - TO_INTEGER;
    const real r = multiply_add(k, -LOG2_LOW, multiply_add(k, -LOG2_HIGH, floored));
    const real scale = power_of_two(k_shifted);
    const real small = multiply_add(r * r, polynomial(expm1_terms, LENGTH(expm1_terms), r), r);
    return (EXP_LOWEST) > x ? 0 : multiply_add(scale, small, scale);
}
