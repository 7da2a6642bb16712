
/* --- from values to the network's inputs ------------------------------------------------ */

/* z = (x - mean) / scale, or 0 for a missing value. False when z is not finite. */
static int standardise(double x, double mean, double scale, real *z)
{
    *z = (real)(x != x ? 0.0 : (x - mean) / scale);
    return *z - *z == 0;
}
