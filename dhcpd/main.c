#include "daemon.h"
#include "dhcpd.h"

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &dhcpd_service);
}
