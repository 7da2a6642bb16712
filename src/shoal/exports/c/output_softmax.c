
static void output(const real *z, real *a)
{
    real top = z[0], total = 0;
    int k;
    for (k = 1; k < OUTPUTS; ++k) top = z[k] > top ? z[k] : top;
    for (k = 0; k < OUTPUTS; ++k) {
        a[k] = exp_of_negative(z[k] - top);
        total = total + a[k];
    }
    for (k = 0; k < OUTPUTS; ++k) a[k] = a[k] / total;
}
