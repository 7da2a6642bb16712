
static int64_t hour(double seconds)
{
    return (whole(seconds) - whole(seconds / 86400) * 86400) / 3600;
}
