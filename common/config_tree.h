/* What config.c builds and config_print.c prints: the checked tree. Not for servers. */
#ifndef WIRELAB_CONFIG_TREE_H
#define WIRELAB_CONFIG_TREE_H

#include "config.h"

/* One row of the section's table, with what the file has for it, or its default. */
struct config_entry {
    const struct config_key *key;
    struct config_value *values;
    size_t count;
    bool in_file;
    const struct config_section **sections; /* where the key is a section */
    size_t section_count;
};

struct config_section {
    const struct config_key *key; /* its own row; NULL: the file itself */
    const struct config_section *parent;
    bool titled;
    struct config_value title;
    struct config_place place;
    struct config_entry *entries;
    size_t entry_count;
};

struct config_note {
    struct config_note *next;
    struct config_place place;
    char *path; /* "dhcpd > subnet "192.168.1.0/24" > pool", may be empty */
    char *message;
    char *right; /* may be NULL */
};

struct config {
    char *path, *directory;
    struct span text;
    struct arena arena;
    const struct config_key *keys;
    struct config_section *root;
    struct config_note *problems, *warnings; /* in the order of the file */
    size_t problem_count;
    bool failed; /* out of memory: reported without a note */
};

#endif
