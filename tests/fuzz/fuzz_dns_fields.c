/* Any octets as the data of any record type: what is good is printed, and when its words read back, they are
 * the same octets; and any text as the words of a record: what is made of it is what its type says. */
#include "wire/dns_rdata.h"

#include <stdlib.h>

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* Words at blanks, quotes around some, escapes in all. */
static size_t split(struct span text, struct dns_word *words)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len && count < WORDS_MAX;) { /* ends: each turn moves on */
        bool quoted = text.at[at] == '"';
        size_t from = at += quoted;
        while (at < text.len && text.at[at] != '"' && (quoted || text.at[at] != ' '))
            at += text.at[at] == '\\' && at + 1 < text.len ? 2 : 1;
        if (quoted || at > from)
            words[count++] = (struct dns_word){ span_head(span_from(text, from), at - from), quoted };
        at += at < text.len && (quoted || text.at[at] == ' ');
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[8 * DNS_RDATA_BYTES_MAX], again[DNS_RDATA_BYTES_MAX];
    struct dns_word words[WORDS_MAX];
    struct dns_word_problem problem;
    struct dns_name origin;
    struct reader r = reader_over(span_of(data, size));
    uint16_t type = read_u16(&r);
    struct span rest = read_rest(&r);
    struct writer out = writer_over(again, sizeof again);
    dns_name_root(&origin);
    size_t count = split(rest, words);
    if (dns_rdata_from_words(type, words, count, &origin, &out, &problem))
        must(dns_rdata_is_plain(type, writer_span(&out)));
    else
        must(problem.expected && problem.word <= count && !writer_length(&out));
    if (!dns_rdata_is_plain(type, rest))
        return 0;
    struct writer printed = writer_over(text, sizeof text);
    write_dns_rdata_text(&printed, type, rest);
    must(writer_ok(&printed));
    count = split(writer_span(&printed), words);
    out = writer_over(again, sizeof again);
    if (count < WORDS_MAX && dns_rdata_from_words(type, words, count, &origin, &out, &problem))
        must(type == DNS_TYPE_LOC /* has ten zeros */ || span_equal(writer_span(&out), rest));
    return 0;
}
