/* IMAP4rev1's wire format (RFC 3501, with 7888, 4315, 6851), as a server reads and writes it: lines and
 * literals, strings, sequence sets, flags, dates, mailbox names, FETCH items and SEARCH keys. Pure.
 *
 * A command is collected first, its lines and its literals one behind the other, and then read as one
 * piece: imap_split() finds where lines and literals end, the readers below take the piece apart. What a
 * reader returns points into the piece or into the arena. */
#ifndef WIRELAB_WIRE_IMAP_H
#define WIRELAB_WIRE_IMAP_H

#include "arena.h"
#include "wire.h"

struct mime_tree;

#define IMAP_LINE_MAX       8192 /* RFC 7162 4: a command line of that length, literals not counted */
#define IMAP_NAME_MAX       240  /* a mailbox name: as a directory it has a dot in front and must fit 255 */
#define IMAP_PART_DEPTH_MAX 32   /* numbers in a section, "1.2.3": no deeper than MIME is read */
#define IMAP_KEYS_MAX       1024 /* search keys of a command; clients put hundreds of OR in a row */
#define IMAP_KEY_DEPTH_MAX  512  /* ... inside each other */
#define IMAP_FETCH_MAX      128  /* items of a FETCH; with one more the command is refused */
#define IMAP_FIELDS_MAX     256  /* names in HEADER.FIELDS */
#define IMAP_DELIMITER      '.'  /* between the levels of a mailbox name, as Maildir++ has it */

/* ---- lines and literals ----------------------------------------------------------------- */

enum imap_token {
    IMAP_MORE, /* no whole line yet; nothing is taken */
    IMAP_LINE, /* a line with its CRLF */
    IMAP_LONG, /* IMAP_LINE_MAX octets and no end of the line: they are taken */
    IMAP_BARE, /* a CR, LF or NUL that is no line's end: the octets up to it are taken, and it */
};

struct imap_line {
    struct span text;       /* with CRLF */
    bool literal;           /* it ends with {n} or {n+}: so many octets follow */
    bool synchronizing;     /* ... and wait for "+" */
    uint64_t literal_bytes; /* UINT64_MAX: a number that is too large for a number */
};
/* The first line of `in`; *taken says how many bytes it has. */
enum imap_token imap_split(struct span in, struct imap_line *out, size_t *taken);

/* ---- words ------------------------------------------------------------------------------- */

/* Each takes what it names, or fails the reader. */
void imap_read_space(struct reader *r);
/* True, and the character is taken, when it comes next. Never fails. */
bool imap_take(struct reader *r, char c);
/* 1*ATOM-CHAR. */
struct span imap_read_atom(struct reader *r);
/* A tag: like an atom, but "]" may and "+" may not be in it. */
struct span imap_read_tag(struct reader *r);
/* The letters, digits, dots, hyphens of a keyword such as BODY.PEEK. */
struct span imap_read_word(struct reader *r);
uint32_t imap_read_number(struct reader *r);
/* Not 0. */
uint32_t imap_read_number_nz(struct reader *r);
/* A quoted string or a literal. at == NULL: there was no memory for it. */
struct span imap_read_string(struct reader *r, struct arena *a);
struct span imap_read_astring(struct reader *r, struct arena *a);
/* NIL becomes an empty span, and *nil tells. */
struct span imap_read_nstring(struct reader *r, struct arena *a, bool *nil);
/* What LIST takes: an astring with % and *. */
struct span imap_read_pattern(struct reader *r, struct arena *a);

/* A mailbox name; INBOX in any case becomes "INBOX". Fails for what imap_name_is_good() refuses. */
struct span imap_read_mailbox(struct reader *r, struct arena *a);

/* ---- mailbox names ------------------------------------------------------------------------ */

/* Levels that are not empty, no "/", no control characters, and modified UTF-7 in the one form that RFC
 * 3501 5.1.3 allows for a text: two names never mean the same. */
bool imap_name_is_good(struct span name);
/* RFC 3501 6.3.8: "*" is anything, "%" anything but the delimiter. */
bool imap_name_matches(struct span name, struct span pattern);
/* To UTF-8 and back. False, and the writer may have a part of it, when the text is not well-formed. */
bool imap_name_to_utf8(struct writer *w, struct span name);
bool imap_name_from_utf8(struct writer *w, struct span text);

/* ---- sets of numbers ---------------------------------------------------------------------- */

struct imap_range {
    uint32_t first, last; /* in any order; IMAP_STAR is the largest number in use */
};
#define IMAP_STAR 0
struct imap_set {
    struct imap_range *ranges;
    size_t count;
};
/* "2,4:7,9,12:*". Ranges that touch or overlap may stay apart. */
struct imap_set imap_read_set(struct reader *r, struct arena *a);
/* `largest` is what "*" stands for. */
bool imap_set_has(const struct imap_set *s, uint32_t n, uint32_t largest);
/* Adds n to what is written as a set: 1,2,3 becomes 1:3. Begin with a zeroed run; end with
 * imap_write_run_end(). */
struct imap_run {
    uint32_t first, last;
    bool any;
};
void imap_write_run(struct writer *w, struct imap_run *run, uint32_t n);
void imap_write_run_end(struct writer *w, struct imap_run *run);

/* ---- flags -------------------------------------------------------------------------------- */

enum imap_flag {
    IMAP_ANSWERED = 1 << 0,
    IMAP_FLAGGED = 1 << 1,
    IMAP_DELETED = 1 << 2,
    IMAP_SEEN = 1 << 3,
    IMAP_DRAFT = 1 << 4,
    IMAP_FORWARDED = 1 << 5, /* the keyword $Forwarded (RFC 5788), which Maildir has a letter for */
    IMAP_RECENT = 1 << 6,    /* never stored */
};
#define IMAP_FLAGS_KEPT 0x3f /* what a client can set */

/* "(\Seen $Forwarded)" or, where `bare`, "\Seen $Forwarded" as STORE allows. Keywords that are not kept here
 * are read and left out; \Recent and unknown \flags fail the reader. */
unsigned imap_read_flags(struct reader *r, bool bare);
/* "\Seen \Deleted", without parentheses. */
void imap_write_flags(struct writer *w, unsigned set);
/* The one flag of this keyword; 0 when it is not kept here. */
unsigned imap_keyword(struct span word);

/* ---- dates -------------------------------------------------------------------------------- */

/* "17-Jul-1996 02:44:25 -0700", quotes included -> unix time. */
int64_t imap_read_date_time(struct reader *r);
void imap_write_date_time(struct writer *w, int64_t unix_s);
/* "1-Feb-1994", with or without quotes -> the day's number since 1970-01-01. */
int64_t imap_read_date(struct reader *r);

/* ---- strings out -------------------------------------------------------------------------- */

/* Quoted where that is allowed and it is short, else as a literal. */
void imap_write_string(struct writer *w, struct span s);
/* NIL when at == NULL. */
void imap_write_nstring(struct writer *w, struct span s);
/* An atom where it can be one (mailbox names). */
void imap_write_astring(struct writer *w, struct span s);

/* ---- FETCH -------------------------------------------------------------------------------- */

enum imap_fetch_kind {
    IMAP_FETCH_FLAGS,
    IMAP_FETCH_UID,
    IMAP_FETCH_INTERNALDATE,
    IMAP_FETCH_SIZE, /* RFC822.SIZE; those above need no text of the message, the size needs it once */
    IMAP_FETCH_ENVELOPE,
    IMAP_FETCH_BODY,          /* BODY without a section */
    IMAP_FETCH_BODYSTRUCTURE, /* the same with extension data */
    IMAP_FETCH_SECTION,       /* BODY[...] and BODY.PEEK[...] */
    IMAP_FETCH_RFC822,
    IMAP_FETCH_RFC822_HEADER,
    IMAP_FETCH_RFC822_TEXT,
};

enum imap_section_text {
    IMAP_SECTION_ALL, /* "" or "1.2" */
    IMAP_SECTION_HEADER,
    IMAP_SECTION_FIELDS,
    IMAP_SECTION_FIELDS_NOT,
    IMAP_SECTION_TEXT,
    IMAP_SECTION_MIME,
};

struct imap_section {
    uint32_t path[IMAP_PART_DEPTH_MAX];
    size_t depth;
    enum imap_section_text text;
    struct span *fields;
    size_t field_count;
};

struct imap_fetch_item {
    enum imap_fetch_kind kind;
    struct imap_section section;
    bool partial;
    uint32_t offset, count;
};

struct imap_fetch {
    struct imap_fetch_item *items;
    size_t count;
    bool sees;       /* one of them sets \Seen */
    bool needs_text; /* one of them needs more than what the mailbox knows */
};

/* ALL, FAST, FULL, one item, or a list in parentheses. */
struct imap_fetch imap_read_fetch(struct reader *r, struct arena *a);
/* "BODY[1.HEADER.FIELDS (DATE FROM)]<0>": the name under which a section is answered. */
void imap_write_section(struct writer *w, const struct imap_fetch_item *item);

/* The values of ENVELOPE, and of BODY or (with extension data) BODYSTRUCTURE. The arena holds what is
 * unquoted on the way; where it has no more room, NIL stands. */
void imap_write_envelope(struct writer *w, struct span header, struct arena *a);
void imap_write_structure(struct writer *w, const struct mime_tree *t, bool extended, struct arena *a);

/* ---- STATUS -------------------------------------------------------------------------------- */

enum imap_status_item {
    IMAP_STATUS_MESSAGES = 1 << 0,
    IMAP_STATUS_RECENT = 1 << 1,
    IMAP_STATUS_UIDNEXT = 1 << 2,
    IMAP_STATUS_UIDVALIDITY = 1 << 3,
    IMAP_STATUS_UNSEEN = 1 << 4,
};
/* "(MESSAGES UNSEEN)" */
unsigned imap_read_status_items(struct reader *r);

/* ---- SEARCH ------------------------------------------------------------------------------- */

enum imap_key_kind {
    IMAP_KEY_ALL,
    IMAP_KEY_FLAG,   /* has one of `flags` ... */
    IMAP_KEY_UNFLAG, /* ... has none of them */
    IMAP_KEY_NEW,
    IMAP_KEY_SEQUENCE,
    IMAP_KEY_UID,
    IMAP_KEY_BEFORE, /* by the internal date; `number` is a day since 1970 */
    IMAP_KEY_ON,
    IMAP_KEY_SINCE,
    IMAP_KEY_LARGER,
    IMAP_KEY_SMALLER,
    IMAP_KEY_SENTBEFORE, /* by the Date field */
    IMAP_KEY_SENTON,
    IMAP_KEY_SENTSINCE,
    IMAP_KEY_HEADER, /* `field` has `string` in it; an empty string: there is such a field */
    IMAP_KEY_BODY,
    IMAP_KEY_TEXT,
    IMAP_KEY_NOT, /* of the one result before it */
    IMAP_KEY_OR,  /* of the two before it */
    IMAP_KEY_AND, /* of the `number` before it */
};

struct imap_key {
    enum imap_key_kind kind;
    unsigned flags;
    int64_t number;
    struct imap_set set;
    struct span field, string;
};

/* The keys behind each other, operators behind what they work on: run it with a stack. */
struct imap_search {
    struct imap_key *keys;
    size_t count;
    bool bad_charset; /* neither US-ASCII nor UTF-8; nothing else counts then */
};
/* [CHARSET ...] and the keys, up to the end of the reader's line. */
struct imap_search imap_read_search(struct reader *r, struct arena *a);

#endif
