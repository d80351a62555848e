/* A message and its recipients <-> rows of the store; for spool.c and settle.c.
 *
 * Sender and recipients are lines of text, each an address and what was said with it:
 *     sanders@skynet.local TAB RET=HDRS TAB ENVID=x TAB BODY=8BITMIME
 *     sanders@cyberdyne.local TAB NOTIFY=NEVER TAB ORCPT=rfc822;x */
#ifndef WIRELAB_SMTPD_SPOOL_ROW_H
#define WIRELAB_SMTPD_SPOOL_ROW_H

#include "spool.h"

/* smtp_spool: a row a message. smtp_outcome: a row for each recipient that is finished while others are not.
 */
extern const struct store_table spool_table, spool_outcome_table;

/* The envelope of a session into the message, in its memory. False: no memory. */
bool spool_row_take_envelope(struct message *m, const struct smtp_session *s, struct now now);
/* The PUT of a message's row; its spans live as long as the message. False: no memory. */
bool spool_row_put(struct message *m, struct store_change *out);
struct store_change spool_row_delete(const struct message *m);
/* A row as a message whose recipients were looked up in the settings; not its text when that is in a file.
 * False: no memory. */
bool spool_row_read(struct message *m, const struct store_value *values, const struct smtp_settings *s);
/* The text of a row; at == NULL: it is in the file. */
struct span spool_row_text(const struct store_value *values);
int64_t spool_row_number(const struct store_value *values);

/* The PUT that says that this recipient is finished, and the DELETE of it. */
struct store_change spool_row_put_outcome(const struct message *m, size_t position);
struct store_change spool_row_delete_outcome(const struct message *m, size_t position);
void spool_row_read_outcome(const struct store_value *values, int64_t *number, size_t *position,
                            enum recipient_state *state);

/* A recipient at `address`, looked up in the settings. False: no memory. */
bool spool_row_set_recipient(struct message *m, struct message_recipient *r, struct span address,
                             const struct smtp_settings *s);

#endif
