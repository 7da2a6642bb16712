
/* The members' mean. False when it is not finite. */
static int average(const input *in, real *a2)
{
    int k, finite = 1;
    outputs_of(0, in, a2);
@others@    for (k = 0; k < OUTPUTS; ++k) finite = finite && a2[k] - a2[k] == 0;
    return finite;
}
