/* What the writer and the reader of packed policies agree on. */
#ifndef BX_POLICY_PACK_FORMAT_H
#define BX_POLICY_PACK_FORMAT_H

/* The last byte is the version. */
#define BX_PACK_MAGIC "bxpolic\001"

#define BX_PACK_NONE 0 /* in front of a text that is not there */
#define BX_PACK_TEXT 1

#endif
