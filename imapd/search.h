/* Whether a message is what SEARCH looks for. Pure. */
#ifndef WIRELAB_IMAPD_SEARCH_H
#define WIRELAB_IMAPD_SEARCH_H

#include "fetch.h"

/* One of the keys is about the text or the header. */
bool imap_search_needs_text(const struct imap_search *s);
/* `largest` and `largest_uid`: what "*" stands for. The arena holds what is decoded on the way. */
bool imap_search_matches(const struct imap_search *s, const struct imap_message *m, uint32_t largest,
                         uint32_t largest_uid, struct arena *a);

#endif
