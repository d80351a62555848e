#include "by_hand.h"

#include "copy.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define MODE       0644

static void zone_path(const struct view *v, const struct dns_name *zone, char path[PATH_BYTES])
{
    copy_path(v->service->home->state_directory, v->name, zone, "dnsd", "by-hand", path, PATH_BYTES);
}

static void any_path(const struct home *home, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/dnsd/by-hand", home->state_directory);
}

static bool make(const char *path)
{
    return access(path, F_OK) == 0 ||
           file_write_durably(path, span_text("changes are in the journal\n"), MODE);
}

bool by_hand_note(const struct view *v, const struct dns_name *zone)
{
    char path[PATH_BYTES], any[PATH_BYTES];
    snprintf(path, sizeof path, "%s/dnsd", v->service->home->state_directory);
    mkdir(path, 0755); /* where it is there, nothing is to be done */
    zone_path(v, zone, path);
    any_path(v->service->home, any);
    return make(any) && make(path);
}

bool by_hand_ever(const struct home *home)
{
    char path[PATH_BYTES];
    any_path(home, path);
    return access(path, F_OK) == 0;
}

bool by_hand_is_noted(const struct view *v, const struct dns_name *zone)
{
    char path[PATH_BYTES];
    zone_path(v, zone, path);
    return access(path, F_OK) == 0;
}

void by_hand_forget(const struct view *v, const struct dns_name *zone)
{
    char path[PATH_BYTES];
    zone_path(v, zone, path);
    unlink(path);
}
