#include "curl_start.h"

#include <curl/curl.h>
#include <pthread.h>

static CURLcode start_result;

static void start(void) {
    start_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum status curl_start(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    return start_result == CURLE_OK ? STATUS_OK : STATUS_IO;
}
