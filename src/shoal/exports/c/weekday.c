
static int64_t weekday(double seconds) /* Monday is 0 */
{
    const int64_t days = (whole(seconds / 86400) + 3) % 7;
    return days < 0 ? days + 7 : days;
}
