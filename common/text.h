/* Text for people and files, pure, without locale: formatting into fixed rooms and the escaping of bytes from
 * outside. Bytes from outside reach a log line, JSON or HTML through here and by no other way. */
#ifndef WIRELAB_TEXT_H
#define WIRELAB_TEXT_H

#include "wire/wire.h"

#include <stdarg.h>

/* printf into a writer; sets `failed` and writes nothing when it does not fit. */
void write_format(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A logfmt value: bare when it is plain, else in double quotes with \" \\ \n \r \t \xNN escapes. */
void write_logfmt_value(struct writer *w, struct span s);
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void write_json_string(struct writer *w, struct span s);
/* HTML text or attribute value: & < > " ' escaped. */
void write_html(struct writer *w, struct span s);

/* "2026-11-23T08:05:44.123Z" (24 characters). */
void write_rfc3339(struct writer *w, int64_t unix_ms);
/* "Mon, 23 Nov 2026 08:05:44 GMT" (RFC 9110 5.6.7, IMF-fixdate, 29 characters). */
void write_http_date(struct writer *w, int64_t unix_ms);
/* "Mon, 23 Nov 2026 08:05:44 +0000" (RFC 5322 3.3). */
void write_mail_date(struct writer *w, int64_t unix_ms);

/* Civil time in UTC, for any year from 0000 to 9999; weekday 0 is Sunday. */
struct civil {
    int year, month, day, hour, minute, second, millisecond, weekday;
};
struct civil civil_of(int64_t unix_ms);
/* The inverse; out-of-range fields give -1. */
int64_t civil_to_unix_s(int year, int month, int day, int hour, int minute, int second);

/* Digits only, no sign, no spaces, no overflow. */
bool parse_decimal(struct span s, uint64_t most, uint64_t *out);
/* Smallest number of edits (insert, delete, replace, swap of neighbours) between two words; for "did you
 * mean". */
size_t edit_distance(const char *a, const char *b);

/* Bytes from pairs of hexadecimal digits, with a colon between two of them or not: "01:00:0c", "01000c".
 * False when the text is not that. */
bool write_unhex(struct writer *w, struct span text);

#endif
