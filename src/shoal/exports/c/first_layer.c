
/* --- the network ------------------------------------------------------------------------ */

/* z = W x + b, input by input in the order of the columns. */
static void first_layer(int member, const input *in, real *z)
{
    real decoded[UNITS];
    int i, j;
    for (j = 0; j < UNITS; ++j) z[j] = first_biases[member][j];
@numbers@@binned@@groups@}
