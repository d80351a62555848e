#include "masterfile.h"

#include "generate.h"
#include "text.h"
#include "wire/dns_rdata.h"

#include <stdlib.h>

#define FOUND_SHOWN_MAX    40   /* octets of the wrong word that are shown */
#define GENERATE_WORDS_MAX 64   /* of the record that $GENERATE makes many of */
#define GENERATE_BYTES_MAX 4096 /* ... and their texts together */

/* One file being read. */
struct source {
    struct reader text;
    const char *path;
    unsigned line;
    size_t line_start; /* offset of the line's first octet, for columns */
    struct dns_name origin;
    struct dns_name owner; /* of the last record: a line that starts with a blank shares it */
    bool has_owner;
};

struct place {
    unsigned line, column;
};

struct masterfile {
    struct zone_builder *builder;
    struct source sources[MASTERFILE_INCLUDES_MAX];
    size_t depth;
    struct dns_name next_origin;
    bool has_default_ttl, has_last_ttl, has_soa_ttl;
    uint32_t default_ttl, last_ttl, soa_ttl;
    struct span wanted;
    struct place wanted_at;
    uint16_t last_type; /* its word is often the same as in the record before */
    struct span last_type_word;

    /* the record at hand */
    size_t count;
    bool starts_blank, broken;
    struct place start;
    struct dns_word words[MASTERFILE_WORDS_MAX];
    struct place places[MASTERFILE_WORDS_MAX];
    uint8_t rdata[DNS_RDATA_BYTES_MAX];
    uint8_t generated[GENERATE_BYTES_MAX]; /* texts of the words that $GENERATE makes */

    size_t errors, kept;
    struct masterfile_problem problems[MASTERFILE_PROBLEMS_MAX];
};

static struct source *top(struct masterfile *m)
{
    return &m->sources[m->depth - 1];
}

/* ---- problems ---------------------------------------------------------------------------- */

static void add_problem(struct masterfile *m, const char *path, struct place at, bool warning,
                        struct span text)
{
    m->errors += !warning;
    if (m->kept == MASTERFILE_PROBLEMS_MAX)
        return;
    struct masterfile_problem *p = &m->problems[m->kept++];
    *p =
        (struct masterfile_problem){ .path = path, .line = at.line, .column = at.column, .warning = warning };
    memcpy(p->text, text.at, text.len < sizeof p->text ? text.len : sizeof p->text - 1);
}

static void problem_at(struct masterfile *m, struct place at, bool warning, const char *text)
{
    add_problem(m, top(m)->path, at, warning, span_text(text));
}

/* "expected X, found "Y""; found.at NULL: the record's end. */
static void expected(struct masterfile *m, struct place at, const char *what, struct span found)
{
    char room[MASTERFILE_TEXT_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_text(&w, "expected ");
    write_text(&w, what);
    write_text(&w, ", found ");
    if (found.at)
        write_json_string(&w, span_head(found, FOUND_SHOWN_MAX));
    else
        write_text(&w, "the end of the record");
    add_problem(m, top(m)->path, at, false, writer_span(&w));
}

static struct place word_place(const struct masterfile *m, size_t i)
{
    if (i < m->count)
        return m->places[i];
    if (m->count == 0)
        return m->start;
    struct place last = m->places[m->count - 1];
    last.column += (unsigned)m->words[m->count - 1].text.len;
    return last;
}

static void expected_word(struct masterfile *m, size_t i, const char *what)
{
    struct span found = i < m->count ? m->words[i].text : (struct span){ NULL, 0 };
    expected(m, word_place(m, i), what, found);
}

/* ---- words -------------------------------------------------------------------------------- */

/* What ends a plain word, and what the inside of a quoted one must look at. */
static const bool ends_word[256] = { ['\t'] = true, ['\n'] = true, ['\r'] = true, [' '] = true, ['"'] = true,
                                     ['('] = true,  [')'] = true,  [';'] = true,  ['\\'] = true };
static const bool ends_quoted[256] = { ['\n'] = true, ['"'] = true, ['\\'] = true };
static const bool ends_comment[256] = { ['\n'] = true };

static struct place here(struct masterfile *m)
{
    struct source *s = top(m);
    return (struct place){ s->line, (unsigned)(reader_offset(&s->text) - s->line_start) + 1 };
}

static void end_line(struct source *s)
{
    read_skip(&s->text, 1);
    s->line++;
    s->line_start = reader_offset(&s->text);
}

static void add_word(struct masterfile *m, struct place at, struct span text, bool quoted)
{
    if (m->count == MASTERFILE_WORDS_MAX) {
        if (!m->broken)
            problem_at(m, at, false, "expected a record of at most 2048 words");
        m->broken = true;
        return;
    }
    m->places[m->count] = at;
    m->words[m->count++] = (struct dns_word){ text, quoted };
}

/* The span from where `from` stood to where the reader is now. */
static struct span since(struct reader from, const struct reader *now)
{
    return read_span(&from, reader_offset(now) - reader_offset(&from));
}

static void take_plain_word(struct masterfile *m)
{
    struct reader *r = &top(m)->text;
    struct reader from = *r;
    struct place at = here(m);
    read_until(r, ends_word);
    while (reader_peek(r) == '\\') { /* ends: each turn reads the backslash */
        read_skip(r, 1);
        if (reader_peek(r) >= 0 && reader_peek(r) != '\n')
            read_skip(r, 1);
        read_until(r, ends_word);
    }
    add_word(m, at, since(from, r), false);
}

static void take_quoted_word(struct masterfile *m)
{
    struct reader *r = &top(m)->text;
    struct place at = here(m);
    read_skip(r, 1);
    struct reader from = *r;
    read_until(r, ends_quoted);
    while (reader_peek(r) == '\\') { /* ends: each turn reads the backslash */
        read_skip(r, 1);
        if (reader_peek(r) >= 0 && reader_peek(r) != '\n')
            read_skip(r, 1);
        read_until(r, ends_quoted);
    }
    add_word(m, at, since(from, r), true);
    if (reader_peek(r) == '"') {
        read_skip(r, 1);
        return;
    }
    problem_at(m, at, false, "expected a closing quote before the end of the line");
    m->broken = true;
}

/* A parenthesis that is no pair's. */
static void stray(struct masterfile *m, struct place at, const char *text)
{
    if (!m->broken)
        problem_at(m, at, false, text);
    m->broken = true;
}

/* Adds the words up to the end of the line, or of the lines that parentheses join. False at the end of the
 * text. */
static bool take_words(struct masterfile *m)
{
    struct source *s = top(m);
    struct reader *r = &s->text;
    struct place opened = { 0 };
    for (int c; (c = reader_peek(r)) >= 0;) { /* ends: each turn reads at least one octet */
        switch (c) {
        case ' ':
        case '\t':
        case '\r':
            read_skip(r, 1);
            break;
        case ';':
            read_until(r, ends_comment);
            break;
        case '\n':
            end_line(s);
            if (!opened.line)
                return true;
            break;
        case '(':
            if (opened.line)
                stray(m, here(m), "expected no second ( inside of parentheses");
            opened = here(m);
            read_skip(r, 1);
            break;
        case ')':
            if (!opened.line)
                stray(m, here(m), "expected no ) where none was opened");
            opened.line = 0;
            read_skip(r, 1);
            break;
        case '"':
            take_quoted_word(m);
            break;
        default:
            take_plain_word(m);
        }
    }
    if (opened.line)
        stray(m, opened, "expected a ) for this ( before the end of the file");
    return false;
}

/* False at the end of the text, where there are no words any more. */
static bool take_record(struct masterfile *m)
{
    int c = reader_peek(&top(m)->text);
    m->count = 0;
    m->broken = false;
    m->start = here(m);
    m->starts_blank = c == ' ' || c == '\t';
    return take_words(m) || m->count != 0;
}

/* ---- records ------------------------------------------------------------------------------- */

/* Words 0 .. of the record, cut up. */
struct record_line {
    size_t next; /* the word to be looked at */
    bool has_ttl, has_class;
    uint32_t ttl;
    uint16_t type;
};

static bool is_class_word(struct span text, bool *ours)
{
    *ours = span_is_nocase(text, "IN") || span_is_nocase(text, "CLASS1");
    return *ours || span_is_nocase(text, "CH") || span_is_nocase(text, "HS") || span_is_nocase(text, "CS");
}

/* TTL and class, in either order, at most once each. */
static bool take_ttl_and_class(struct masterfile *m, struct record_line *line)
{
    for (; line->next < m->count; line->next++) { /* ends: each of the two is taken once */
        struct span text = m->words[line->next].text;
        bool ours;
        bool digit = text.len && text.at[0] >= '0' && text.at[0] <= '9';
        if (digit && !line->has_ttl) {
            if (!dns_period_from_text(text, &line->ttl)) {
                expected_word(m, line->next, "a TTL: seconds up to 2147483647, or a time like 1h30m");
                return false;
            }
            line->has_ttl = true;
        } else if (!line->has_class && is_class_word(text, &ours)) {
            if (!ours) {
                expected_word(m, line->next, "class IN, the only one that is served");
                return false;
            }
            line->has_class = true;
        } else {
            break;
        }
    }
    return true;
}

static bool take_type(struct masterfile *m, struct record_line *line)
{
    struct span text = line->next < m->count ? m->words[line->next].text : (struct span){ NULL, 0 };
    if (!text.at || !span_equal(text, m->last_type_word)) {
        if (!text.at || !dns_type_from_text(text, &m->last_type)) {
            expected_word(m, line->next, "a record type like A, MX or TYPE65");
            m->last_type_word = (struct span){ NULL, 0 };
            return false;
        }
        m->last_type_word = text;
    }
    line->type = m->last_type;
    line->next++;
    return true;
}

static bool take_owner(struct masterfile *m, struct record_line *line)
{
    struct source *s = top(m);
    if (m->starts_blank) {
        if (!s->has_owner)
            expected_word(m, 0, "a name first: there is no record before whose name this one could share");
        return s->has_owner;
    }
    const char *wrong = dns_name_from_text(m->words[0].text, &s->origin, &s->owner);
    s->has_owner = !wrong;
    line->next = 1;
    if (wrong)
        expected_word(m, 0, wrong);
    return !wrong;
}

/* The MINIMUM field: the default TTL of files older than $TTL (RFC 1035 3.3.13, RFC 2308 4). */
static uint32_t soa_minimum(struct span rdata)
{
    struct reader r = reader_over(rdata);
    read_plain_name(&r);
    read_plain_name(&r);
    read_skip(&r, 16);
    return read_u32(&r);
}

static bool choose_ttl(struct masterfile *m, struct record_line *line, struct span rdata)
{
    if (line->type == DNS_TYPE_SOA) {
        m->soa_ttl = soa_minimum(rdata);
        m->has_soa_ttl = true;
    }
    if (!line->has_ttl && m->has_default_ttl)
        line->ttl = m->default_ttl;
    else if (!line->has_ttl && m->has_last_ttl)
        line->ttl = m->last_ttl;
    else if (!line->has_ttl && m->has_soa_ttl)
        line->ttl = m->soa_ttl;
    else if (!line->has_ttl) {
        problem_at(m, m->start, false,
                   "expected a TTL: write $TTL 1h at the top of the file, or one in the record");
        return false;
    }
    if (line->has_ttl) {
        m->last_ttl = line->ttl;
        m->has_last_ttl = true;
    }
    return true;
}

static void add_record(struct masterfile *m, const struct record_line *line, struct span rdata)
{
    enum zone_fault fault = zone_builder_add(m->builder, &top(m)->owner, line->type, line->ttl, rdata);
    if (fault != ZONE_FINE)
        problem_at(m, word_place(m, 0), !zone_refused(fault), zone_fault_text(fault));
}

static void read_record(struct masterfile *m)
{
    struct record_line line = { 0 };
    struct dns_word_problem wrong;
    if (!take_owner(m, &line) || !take_ttl_and_class(m, &line) || !take_type(m, &line))
        return;
    if (dns_type_is_meta(line.type)) {
        expected_word(m, line.next - 1, "a type that a zone can hold");
        return;
    }
    struct writer w = writer_over(m->rdata, sizeof m->rdata);
    if (!dns_rdata_from_words(line.type, m->words + line.next, m->count - line.next, &top(m)->origin, &w,
                              &wrong)) {
        expected_word(m, line.next + wrong.word, wrong.expected);
        return;
    }
    if (choose_ttl(m, &line, writer_span(&w)))
        add_record(m, &line, writer_span(&w));
}

/* ---- directives ----------------------------------------------------------------------------- */

static bool words_are(struct masterfile *m, size_t least, size_t most, const char *what)
{
    if (m->count >= least && m->count <= most)
        return true;
    expected_word(m, m->count < least ? m->count : most,
                  m->count < least ? what : "nothing more on this line");
    return false;
}

static void read_origin(struct masterfile *m)
{
    struct dns_name origin;
    if (!words_are(m, 2, 2, "a domain name"))
        return;
    const char *wrong = dns_name_from_text(m->words[1].text, &top(m)->origin, &origin);
    if (wrong)
        expected_word(m, 1, wrong);
    else
        dns_name_copy(&top(m)->origin, &origin);
}

static void read_default_ttl(struct masterfile *m)
{
    if (!words_are(m, 2, 2, "a TTL like 3600 or 1h"))
        return;
    m->has_default_ttl = dns_period_from_text(m->words[1].text, &m->default_ttl);
    if (!m->has_default_ttl)
        expected_word(m, 1, "a TTL: seconds up to 2147483647, or a time like 1h30m");
}

/* True when the file can be asked for. */
static bool read_include(struct masterfile *m)
{
    if (!words_are(m, 2, 3, "the name of a file"))
        return false;
    dns_name_copy(&m->next_origin, &top(m)->origin);
    const char *wrong =
        m->count == 3 ? dns_name_from_text(m->words[2].text, &top(m)->origin, &m->next_origin) : NULL;
    if (wrong) {
        expected_word(m, 2, wrong);
        return false;
    }
    if (m->depth == MASTERFILE_INCLUDES_MAX) {
        problem_at(m, m->places[0], false,
                   "expected at most 16 files within one another; does one include itself?");
        return false;
    }
    m->wanted = m->words[1].text;
    m->wanted_at = m->places[1];
    return true;
}

/* The words behind the range, as they are for number i, in the place of the line's own. False, and that is
 * told, when a template is wrong. */
static bool generate_words(struct masterfile *m, const struct dns_word *templates, size_t count, uint32_t i)
{
    struct writer w = writer_over(m->generated, sizeof m->generated);
    const char *expected;
    for (size_t k = 0; k < count; k++) {
        struct mark start = writer_mark(&w);
        if (!generate_write(&w, templates[k].text, i, &expected)) {
            m->words[k] = templates[k];
            expected_word(m, k, expected);
            return false;
        }
        m->words[k] = (struct dns_word){ span_from(writer_span(&w), start.offset), templates[k].quoted };
    }
    return true;
}

/* What stands between quotes, \" resolved and other escapes left to the words inside. */
static void write_unquoted(struct writer *w, struct span quoted)
{
    struct reader r = reader_over(quoted);
    while (reader_left(&r)) { /* ends: each turn reads an octet */
        uint8_t c = read_u8(&r);
        bool escapes = c == '\\' && reader_left(&r);
        uint8_t next = escapes ? read_u8(&r) : c;
        if (escapes && next != '"')
            write_u8(w, c);
        write_u8(w, next);
    }
}

/* The last word's inside is cut into words that take its place, as BIND has it for $GENERATE. Its text is put
 * into `room`, which lasts as long as the words. False, and that is told, when they are none. */
static bool cut_last_word(struct masterfile *m, struct writer *room)
{
    struct source *s = top(m);
    struct reader outside = s->text;
    unsigned line = s->line;
    size_t line_start = s->line_start, last = m->count - 1;
    write_unquoted(room, m->words[last].text);
    if (!writer_ok(room)) {
        expected_word(m, last, "something shorter");
        return false;
    }
    m->count = last;
    s->text = reader_over(writer_span(room));
    s->line = m->places[last].line;
    s->line_start = (size_t)0 - m->places[last].column; /* columns go on behind the quote */
    take_words(m);
    s->text = outside;
    s->line = line;
    s->line_start = line_start;
    return !m->broken && words_are(m, 0, GENERATE_WORDS_MAX, "");
}

/* Of a record's words: its data is one quoted word. */
static bool has_quoted_data(struct masterfile *m)
{
    struct record_line line = { .next = 1 };
    return take_ttl_and_class(m, &line) && line.next + 2 == m->count && m->words[m->count - 1].quoted;
}

/* A record for each number, as if the file had them all. The first that is wrong is the last. */
static void read_generate(struct masterfile *m)
{
    struct dns_word templates[GENERATE_WORDS_MAX];
    uint8_t room[GENERATE_BYTES_MAX];
    struct writer inside = writer_over(room, sizeof room);
    struct generate_range range;
    const char *what;
    size_t errors = m->errors;
    if (!words_are(m, 5, 2 + GENERATE_WORDS_MAX, "a range, a name, a type and its data"))
        return;
    if (!generate_read_range(m->words[1].text, &range, &what)) {
        expected_word(m, 1, what);
        return;
    }
    m->count -= 2;
    memmove(m->words, m->words + 2, m->count * sizeof *m->words);
    memmove(m->places, m->places + 2, m->count * sizeof *m->places);
    if (has_quoted_data(m) && !cut_last_word(m, &inside))
        return;
    memcpy(templates, m->words, m->count * sizeof *templates);
    for (uint64_t i = range.first; i <= range.last && m->errors == errors; i += range.step)
        if (generate_words(m, templates, m->count, (uint32_t)i))
            read_record(m);
    m->last_type_word = (struct span){ NULL, 0 }; /* it may have been one of these */
}

/* True when a file is wanted. */
static bool read_directive(struct masterfile *m)
{
    struct span word = m->words[0].text;
    if (span_is_nocase(word, "$INCLUDE"))
        return read_include(m);
    if (span_is_nocase(word, "$ORIGIN"))
        read_origin(m);
    else if (span_is_nocase(word, "$TTL"))
        read_default_ttl(m);
    else if (span_is_nocase(word, "$GENERATE"))
        read_generate(m);
    else
        expected_word(m, 0, "$ORIGIN, $TTL, $INCLUDE or $GENERATE");
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------- */

struct masterfile *masterfile_open(struct zone_builder *b)
{
    struct masterfile *m = malloc(sizeof *m);
    if (!m)
        return NULL;
    m->builder = b;
    m->depth = m->errors = m->kept = m->count = 0;
    m->has_default_ttl = m->has_last_ttl = m->has_soa_ttl = false;
    m->last_type_word = (struct span){ NULL, 0 };
    dns_name_copy(&m->next_origin, zone_builder_apex(b));
    return m;
}

void masterfile_close(struct masterfile *m)
{
    free(m);
}

void masterfile_push(struct masterfile *m, struct span text, const char *path)
{
    const struct source *outer = m->depth ? top(m) : NULL;
    struct source *s = &m->sources[m->depth++];
    *s = (struct source){ .text = reader_over(text), .path = path, .line = 1 };
    dns_name_copy(&s->origin, &m->next_origin);
    s->has_owner = outer && outer->has_owner;
    if (s->has_owner)
        dns_name_copy(&s->owner, &outer->owner);
}

enum masterfile_state masterfile_run(struct masterfile *m)
{
    while (m->depth) { /* ends: each turn reads a record, or leaves a file */
        bool at_end = !take_record(m);
        bool directive =
            m->count && !m->starts_blank && m->words[0].text.len && m->words[0].text.at[0] == '$';
        if (m->count && !m->broken && directive && !m->words[0].quoted) {
            if (read_directive(m))
                return MASTERFILE_INCLUDE;
        } else if (m->count && !m->broken) {
            read_record(m);
        }
        m->depth -= at_end;
    }
    return MASTERFILE_DONE;
}

struct span masterfile_wanted(const struct masterfile *m, const char **from)
{
    *from = m->sources[m->depth - 1].path;
    return m->wanted;
}

void masterfile_missing(struct masterfile *m, const char *why)
{
    expected(m, m->wanted_at, why, m->wanted);
}

void masterfile_add_problem(struct masterfile *m, const char *path, const char *text)
{
    add_problem(m, path, (struct place){ 0, 0 }, false, span_text(text));
}

size_t masterfile_errors(const struct masterfile *m)
{
    return m->errors;
}

const struct masterfile_problem *masterfile_problems(const struct masterfile *m, size_t *count)
{
    *count = m->kept;
    return m->problems;
}
