#include "service.h"

/* Every server there is: the file's sections, and what `wirelab run` starts. */
const struct service_type *const all_services[] = {
    &dhcpd_service, &dnsd_service, &httpd_service, &imapd_service, &smtpd_service, NULL,
};
