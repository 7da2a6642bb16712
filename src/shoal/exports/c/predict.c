
int PREFIX_predict(const PREFIX_row *row, PREFIX_prediction *out)
{
    input in;
    real a2[OUTPUTS];
    const int unusable = encode(row, &in);
    if (unusable) return unusable;
    if (!average(&in, a2)) return -1;
    decide(a2, out);
    return 0;
}
