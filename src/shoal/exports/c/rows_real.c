
/* A row of weights: of the first layer those of an input, of the second those of an output. */
static const real *first_row(int member, int i, real *decoded)
{
    (void)decoded;
    return first_weights[member][i];
}
