
/* The bin of x, and its place in there: 0 at the lower edge, 1 at the upper one. */
static uint16_t bin(double x, const double *edges, int bins, uint16_t missing, real *place)
{
    int c = 0;
    double at;
    *place = 0;
    if (x != x) return missing;
    while (c < bins - 1 && x >= edges[c + 1]) ++c;
    at = (x - edges[c]) / (edges[c + 1] - edges[c]);
    *place = (real)(at > 1 ? 1 : at > 0 ? at : 0);
    return (uint16_t)c;
}
