/* What a client asks for: one whole command, read into its parts (RFC 3501 6, with 2177, 2971, 3691, 4315,
 * 5161, 6851). Pure. */
#ifndef WIRELAB_IMAPD_COMMAND_H
#define WIRELAB_IMAPD_COMMAND_H

#include "wire/imap.h"

enum imap_state {
    IMAP_CONNECTED = 1 << 0, /* nobody has logged in */
    IMAP_AUTHENTICATED = 1 << 1,
    IMAP_SELECTED = 1 << 2,
    IMAP_ENDED = 1 << 3, /* nothing more is read */
};

enum imap_verb {
    IMAP_CAPABILITY,
    IMAP_NOOP,
    IMAP_LOGOUT,
    IMAP_ID,
    IMAP_STARTTLS,
    IMAP_AUTHENTICATE,
    IMAP_LOGIN,
    IMAP_ENABLE,
    IMAP_NAMESPACE,
    IMAP_IDLE,
    /* those below, and NOOP where a mailbox is selected, need the disk */
    IMAP_SELECT,
    IMAP_EXAMINE,
    IMAP_CREATE,
    IMAP_DELETE,
    IMAP_RENAME,
    IMAP_SUBSCRIBE,
    IMAP_UNSUBSCRIBE,
    IMAP_LIST,
    IMAP_LSUB,
    IMAP_STATUS,
    IMAP_APPEND,
    IMAP_CHECK,
    IMAP_CLOSE,
    IMAP_UNSELECT,
    IMAP_EXPUNGE,
    IMAP_SEARCH,
    IMAP_FETCH,
    IMAP_STORE,
    IMAP_COPY,
    IMAP_MOVE,
};

enum imap_store_mode { IMAP_STORE_SET, IMAP_STORE_ADD, IMAP_STORE_REMOVE };

/* The parts that its verb has; all point into the command's text or into the arena. */
struct imap_command {
    struct span tag, name; /* empty where the line has none */
    enum imap_verb verb;
    unsigned states; /* where it may come */
    bool uid;        /* UID in front of it; EXPUNGE then has a set */

    struct span mailbox, to, pattern;
    struct span user, password;     /* LOGIN */
    struct span mechanism, initial; /* AUTHENTICATE; initial.at == NULL: none came (RFC 4959) */
    struct imap_set set;
    struct imap_fetch fetch;
    struct imap_search search;
    enum imap_status_item status;
    enum imap_store_mode mode;
    bool silent;
    unsigned flags;
    bool has_date;
    int64_t date_s;
    struct span text; /* of APPEND */
};

enum imap_reading {
    IMAP_READ,
    IMAP_NO_TAG,     /* the line has no tag to answer to */
    IMAP_NO_COMMAND, /* there is no such command */
    IMAP_MALFORMED,  /* its arguments are not those of the command */
};
/* `text`: lines and literals as they came, without the last CRLF. */
enum imap_reading imap_read_command(struct span text, struct arena *a, struct imap_command *out);
/* Whether the text so far is of an APPEND: the one command with a literal as long as a message. */
bool imap_is_append(struct span text);

#endif
