
static void outputs_of(int member, const input *in, real *a2)
{
    real z2[OUTPUTS];
    first_layer(member, in, z2);
    output(z2, a2);
}
