/* Reconfigure with the Reconfigure Key Authentication Protocol (RFC 9915 18.3.11, 20.4): the server makes a
 * client ask again. Each client's key is made of the server's secret and its DUID, so that none has to be
 * kept. Pure. */
#ifndef WIRELAB_DHCPD_RECONFIGURE6_H
#define WIRELAB_DHCPD_RECONFIGURE6_H

#include "wire/dhcp6.h"

#define RECONFIGURE6_SECRET_BYTES 32
#define RECONFIGURE6_KEY_BYTES    16
#define RECONFIGURE6_BYTES_MAX    512
/* RFC 9915 7.6: REC_TIMEOUT, doubled each time; REC_MAX_RC */
#define RECONFIGURE6_WAIT_MS   2000
#define RECONFIGURE6_TRIES_MAX 8

void reconfigure6_key(uint8_t key[RECONFIGURE6_KEY_BYTES], const uint8_t *secret, struct span duid);
/* The authentication option of the first Reply: the key. */
void reconfigure6_write_key(struct writer *w, const uint8_t *secret, struct span duid);
/* The message, signed: the client is to send one of type `wanted` (Renew, Rebind, Information-request).
 * `replay` is greater than in any before. False: it does not fit. */
bool reconfigure6_write(struct writer *w, const uint8_t *secret, struct span server_id, struct span duid,
                        uint8_t wanted, uint64_t replay);

#endif
