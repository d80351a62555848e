/* LOC (RFC 1876): sizes as a digit and a power of ten, angles in thousandths of a second, heights in
 * centimetres above a hundred kilometres below the ellipsoid. */
#include "dns_fields.h"

#define ANGLE_ZERO     0x80000000u /* the equator, the prime meridian */
#define HEIGHT_ZERO    10000000u   /* centimetres */
#define HEIGHT_MAX     (UINT32_MAX - HEIGHT_ZERO)
#define SIZE_MAX_CM    UINT64_C(9000000000)
#define DEFAULT_SIZE   0x12 /* 1 m */
#define DEFAULT_ACROSS 0x16 /* 10 km */
#define DEFAULT_UP     0x13 /* 10 m */

static const uint32_t powers[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000
};

static bool is_size(uint8_t size)
{
    return size >> 4 <= 9 && (size & 15) <= 9;
}

/* `most` counts thousandths of a second from the middle, either way. */
static void check_angle(struct reader *r, uint32_t most)
{
    uint32_t angle = read_u32(r);
    uint32_t off = angle > ANGLE_ZERO ? angle - ANGLE_ZERO : ANGLE_ZERO - angle;
    if (off > most)
        reader_fail(r);
}

void dns_location_check(struct reader *r)
{
    if (read_u8(r) != 0)
        reader_fail(r);
    for (int i = 0; i < 3; i++)
        if (!is_size(read_u8(r)))
            reader_fail(r);
    check_angle(r, 90 * 3600000u);
    check_angle(r, 180 * 3600000u);
    read_u32(r);
}

/* "12.5" with two places is 1250. */
static bool fixed_point(struct span text, unsigned places, uint64_t most, uint64_t *out)
{
    size_t point = span_find(text, '.');
    struct span whole = span_head(text, point), part = span_from(text, point + 1);
    uint32_t value, fraction = 0;
    if (!dns_number_from_text(whole, UINT32_MAX, &value) || part.len > places ||
        (part.len && !dns_number_from_text(part, UINT32_MAX, &fraction)))
        return false;
    *out = (uint64_t)value * powers[places] + (uint64_t)fraction * powers[places - part.len];
    return *out <= most;
}

/* Degrees, and minutes and seconds when they are there, then one of the two letters. */
static const char *angle_from_words(struct dns_words *words, const char *letters, uint32_t degrees_most,
                                    const char *whole, struct writer *out)
{
    static const uint32_t units[] = { 3600000, 60000, 1 };
    uint64_t sum = 0, part;
    for (int i = 0; i < 4 && words->next < words->count; i++) {
        struct span text = words->words[words->next].text;
        char letter = text.len == 1 ? (char)ascii_lower(text.at[0]) : 0;
        if (i && letter && (letter == letters[0] || letter == letters[1])) {
            if (sum > degrees_most * UINT64_C(3600000))
                return whole;
            words->next++;
            write_u32(out, letter == letters[0] ? ANGLE_ZERO + (uint32_t)sum : ANGLE_ZERO - (uint32_t)sum);
            return NULL;
        }
        if (i == 3 || !fixed_point(text, i == 2 ? 3 : 0, i == 0 ? degrees_most : i == 1 ? 59 : 59999, &part))
            return whole;
        sum += part * units[i];
        words->next++;
    }
    return whole;
}

/* Metres with two places, an "m" behind them or not. */
static bool metres(struct span text, uint64_t most, uint64_t *centimetres)
{
    if (text.len && ascii_lower(text.at[text.len - 1]) == 'm')
        text = span_head(text, text.len - 1);
    return fixed_point(text, 2, most, centimetres);
}

static const char *height_from_word(struct dns_words *words, struct writer *out)
{
    const struct dns_word *word = words->next < words->count ? &words->words[words->next] : NULL;
    bool below = word && word->text.len && word->text.at[0] == '-';
    uint64_t height;
    if (!word || !metres(span_from(word->text, below), below ? HEIGHT_ZERO : HEIGHT_MAX, &height))
        return "a height in metres from -100000.00 to 42849672.95";
    words->next++;
    write_u32(out, below ? HEIGHT_ZERO - (uint32_t)height : HEIGHT_ZERO + (uint32_t)height);
    return NULL;
}

static const char *sizes_from_words(struct dns_words *words, uint8_t sizes[3])
{
    for (int i = 0; i < 3 && words->next < words->count; i++, words->next++) {
        uint64_t value;
        uint8_t power = 0;
        if (!metres(words->words[words->next].text, SIZE_MAX_CM, &value))
            return "a size in metres up to 90000000.00";
        for (; value > 9; power++)
            value /= 10;
        sizes[i] = (uint8_t)(value << 4 | power);
    }
    return NULL;
}

const char *dns_location_from_words(struct dns_words *words, struct writer *out)
{
    uint8_t room[12], sizes[3] = { DEFAULT_SIZE, DEFAULT_ACROSS, DEFAULT_UP };
    struct writer place = writer_over(room, sizeof room);
    const char *wrong =
        angle_from_words(words, "ns", 90, "degrees, minutes, seconds and N or S, like 52 14 05 N", &place);
    if (!wrong)
        wrong =
            angle_from_words(words, "ew", 180, "degrees, minutes, seconds and E or W, like 0 8 50 E", &place);
    if (!wrong)
        wrong = height_from_word(words, &place);
    if (!wrong)
        wrong = sizes_from_words(words, sizes);
    write_u8(out, 0);
    write_bytes(out, sizes, sizeof sizes);
    write_span(out, writer_span(&place));
    return wrong;
}

/* At least `digits` digits. */
static void write_padded(struct writer *w, uint32_t value, unsigned digits)
{
    for (unsigned i = digits - 1; i > 0 && value < powers[i]; i--)
        write_u8(w, '0');
    write_decimal(w, value);
}

static void write_angle(struct writer *w, uint32_t angle, const char *letters)
{
    bool ahead = angle >= ANGLE_ZERO;
    uint32_t off = ahead ? angle - ANGLE_ZERO : ANGLE_ZERO - angle;
    write_decimal(w, off / 3600000);
    write_u8(w, ' ');
    write_decimal(w, off / 60000 % 60);
    write_u8(w, ' ');
    write_decimal(w, off / 1000 % 60);
    write_u8(w, '.');
    write_padded(w, off % 1000, 3);
    write_u8(w, ' ');
    write_u8(w, (uint8_t)letters[!ahead]);
    write_u8(w, ' ');
}

static void write_metres(struct writer *w, uint64_t centimetres)
{
    write_decimal(w, centimetres / 100);
    if (centimetres % 100) {
        write_u8(w, '.');
        write_padded(w, (uint32_t)(centimetres % 100), 2);
    }
    write_u8(w, 'm');
}

void write_dns_location_text(struct writer *w, struct reader *r)
{
    uint8_t sizes[3];
    read_skip(r, 1);
    read_bytes(r, sizes, sizeof sizes);
    write_angle(w, read_u32(r), "NS");
    write_angle(w, read_u32(r), "EW");
    uint32_t height = read_u32(r);
    if (height < HEIGHT_ZERO)
        write_u8(w, '-');
    write_metres(w, height < HEIGHT_ZERO ? HEIGHT_ZERO - height : height - HEIGHT_ZERO);
    for (int i = 0; i < 3; i++) {
        write_u8(w, ' ');
        write_metres(w, (uint64_t)(sizes[i] >> 4) * powers[(sizes[i] & 15) % 10]);
    }
}
