
static int64_t whole(double x) /* the largest whole number that is not above x */
{
    const int64_t towards_zero = (int64_t)x;
    return towards_zero - ((double)towards_zero > x);
}
