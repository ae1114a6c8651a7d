/* Dropout in one pass over memory. What is dropped is said in dropout.py, and these masks are those, bit for bit.
   Unsigned 32-bit integers: their products wrap around, and their shifts bring in zeros, wherever this is compiled. */

#include <stdint.h>

/* Compiled for several processors; the loader takes the best that this one has, so one library serves a cluster. */
#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((noinline, target_clones("avx512f", "avx2", "default")))
#else
#define CLONES __attribute__((noinline))
#endif

#define COLUMNS 512 /* whose hashes are at hand at once: 2 KiB */

static inline uint32_t finalise(uint32_t h) {
    h ^= h >> 16;
    h *= 0x85EBCA6Bu;
    h ^= h >> 13;
    h *= 0xC2B2AE35u;
    return h ^ (h >> 16);
}

CLONES void row_dropped(const float *x, float *out, const uint32_t *columns, int64_t count, uint32_t key,
                        uint32_t dropped, float scale) {
    /* The sign bit turned over, a comparison of unsigned numbers is that of signed ones. */
    for (int64_t j = 0; j < count; j++)
        out[j] = (finalise(key ^ columns[j]) ^ 0x80000000u) >= dropped ? x[j] * scale : 0.0f;
}

/* x, out: rows x features. keys: of each row. Of all hashes, the lowest `dropped` are dropped. */
void dropout(const float *x, float *out, const uint32_t *keys, int64_t rows, int64_t features, uint32_t dropped,
             float scale, int threads) {
    for (int64_t first = 0; first < features; first += COLUMNS) {
        int64_t count = features - first < COLUMNS ? features - first : COLUMNS;
        uint32_t columns[COLUMNS];
        for (int64_t j = 0; j < count; j++) columns[j] = finalise((uint32_t)(first + j + 1) + 0x27D4EB2Fu);
#pragma omp parallel for num_threads(threads) schedule(static) if (rows * count > 32768)
        for (int64_t i = 0; i < rows; i++)
            row_dropped(x + i * features + first, out + i * features + first, columns, count, keys[i], dropped, scale);
    }
}
