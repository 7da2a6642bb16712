
static void outputs_of(int member, const input *in, real *a2)
{
    real hidden[UNITS], z2[OUTPUTS];
    int j;
    first_layer(member, in, hidden);
    for (j = 0; j < UNITS; ++j) hidden[j] = activation(hidden[j]);
    second_layer(member, hidden, z2);
    output(z2, a2);
}
