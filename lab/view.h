/* What a frame says, for people: its protocol's word for the message, its fields as text, one sentence.
 * The names of fields are those of dhcp_options.def and of the RFC's fixed part. */
#ifndef WIRELAB_VIEW_H
#define WIRELAB_VIEW_H

#include "wire/dhcp4.h"
#include "wire/frame.h"

enum view_protocol { VIEW_OTHER, VIEW_ARP, VIEW_ECHO, VIEW_DHCP4 };

struct view {
    struct frame_ethernet ethernet;
    enum view_protocol protocol;
    bool has_ip; /* ip counts */
    struct frame_ip4 ip;
    struct frame_arp arp;
    struct frame_echo echo;
    struct dhcp4_message dhcp; /* points into the frame */
};

/* False only for a frame without a whole Ethernet header; what cannot be read further is VIEW_OTHER. */
bool view_read(struct view *v, struct span frame);
bool view_is_broadcast(const struct view *v);
/* "DISCOVER", "ARP request", "IPv6". Constant text. */
const char *view_word(const struct view *v);
/* The field as text; false when the message has no such field. */
bool view_field(const struct view *v, struct span name, struct writer *w);
/* The fields that decide what happens, the most important first, as long as they fit: "yiaddr 192.168.1.10,
 * lease-time 600". Never fails; writes at most the writer's room. */
void view_write_decisive(const struct view *v, struct writer *w);
/* "DISCOVER: a client looks for a server"; nothing for what is not understood. */
void view_write_sentence(const struct view *v, struct writer *w);

/* For who checks expectations before anything is played. */
bool view_knows_word(struct span word);
bool view_knows_field(struct span name);
/* The nearest that there is. Constant text. */
const char *view_nearest_word(const char *word);
const char *view_nearest_field(const char *name);

#endif
