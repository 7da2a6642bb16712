
/* --- from values to the network's inputs ------------------------------------------------ */

/* z = x. False when it is not finite. */
static int as_it_is(double x, real *z)
{
    *z = (real)x;
    return *z - *z == 0;
}
