/* Dropout in one pass over memory, and attention of packed sequences, one head of one sequence at a time in the cache.

   What is dropped is said in dropout.py, and these masks are those, bit for bit: unsigned 32-bit integers, whose products
   wrap around and whose shifts bring in zeros wherever this is compiled. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Compiled for several processors; the loader takes the best that this one has, so one library serves a cluster. */
#if defined(__x86_64__) && defined(__linux__) && __GNUC__ >= 12
#define CLONES __attribute__((noinline, target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#elif defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((noinline, target_clones("avx512f", "avx2", "default")))
#else
#define CLONES __attribute__((noinline))
#endif
#define INLINE static inline __attribute__((always_inline))

#define LANES 16
#define COLUMNS 512 /* whose hashes are at hand at once: 2 KiB */
#define ROWS 64     /* queries whose scores are at hand at once */

typedef float vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE uint32_t finalise(uint32_t h) {
    h ^= h >> 16;
    h *= 0x85EBCA6Bu;
    h ^= h >> 13;
    h *= 0xC2B2AE35u;
    return h ^ (h >> 16);
}

INLINE uint32_t inner(uint32_t key, int64_t place) { return finalise(key * 0x85EBCA6Bu + (uint32_t)place + 1u); }

INLINE uint32_t column(int64_t place) { return finalise((uint32_t)place + 1u + 0x27D4EB2Fu); }

INLINE void drop(const float *x, float *out, const uint32_t *columns, int64_t count, uint32_t key, uint32_t share,
                 float scale) {
    /* The sign bit turned over, a comparison of unsigned numbers is that of signed ones. */
    for (int64_t j = 0; j < count; j++)
        out[j] = (finalise(key ^ columns[j]) ^ 0x80000000u) >= share ? x[j] * scale : 0.0f;
}

CLONES void drop_row(const float *x, float *out, const uint32_t *columns, int64_t count, uint32_t key, uint32_t share,
                     float scale) {
    drop(x, out, columns, count, key, share, scale);
}

/* x, out: rows x features. keys: of each row. Of all hashes, the lowest `share` are dropped. */
void dropout(const float *x, float *out, const uint32_t *keys, int64_t rows, int64_t features, uint32_t share,
             float scale, int threads) {
    for (int64_t first = 0; first < features; first += COLUMNS) {
        int64_t count = features - first < COLUMNS ? features - first : COLUMNS;
        uint32_t columns[COLUMNS];
        for (int64_t j = 0; j < count; j++) columns[j] = column(first + j);
#pragma omp parallel for num_threads(threads) schedule(static) if (rows * count > 32768)
        for (int64_t i = 0; i < rows; i++)
            drop_row(x + i * features + first, out + i * features + first, columns, count, keys[i], share, scale);
    }
}

/* exp(x) for x <= 0, to the last bit but one or two: 2^n times a polynomial of the rest. */
INLINE float exponential(float x) {
    float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f; /* to the nearest integer */
    float rest = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * rest + 1.3981999507e-3f;
    p = p * rest + 8.3334519073e-3f;
    p = p * rest + 4.1665795894e-2f;
    p = p * rest + 1.6666665459e-1f;
    p = p * rest + 5.0000001201e-1f;
    p = p * rest * rest + rest + 1.0f;
    union {
        int32_t bits;
        float value;
    } power = {((int32_t)n + 127) << 23};
    return x < -87.0f ? 0.0f : p * power.value; /* what is no number stays none */
}

/* c (m x n) = a b, or c + a b. a: element (i, k) at i * row + k * step. b: k x n. n and the widths of b and c are
   multiples of LANES. `count` rows of c and two of its vectors are in registers at once. */
INLINE void product_rows(int count, int64_t n, int64_t depth, const float *a, int64_t row, int64_t step,
                         const float *b, int64_t b_width, float *c, int64_t c_width, int add) {
    int64_t j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES) {
        vector left[4], right[4];
        for (int i = 0; i < count; i++) {
            left[i] = add ? *(vector *)(c + i * c_width + j) : (vector){0};
            right[i] = add ? *(vector *)(c + i * c_width + j + LANES) : (vector){0};
        }
        for (int64_t k = 0; k < depth; k++) {
            vector first = *(const vector *)(b + k * b_width + j), second = *(const vector *)(b + k * b_width + j + LANES);
            for (int i = 0; i < count; i++) {
                float factor = a[i * row + k * step];
                left[i] += factor * first;
                right[i] += factor * second;
            }
        }
        for (int i = 0; i < count; i++) {
            *(vector *)(c + i * c_width + j) = left[i];
            *(vector *)(c + i * c_width + j + LANES) = right[i];
        }
    }
    for (; j < n; j += LANES) {
        vector sums[4];
        for (int i = 0; i < count; i++) sums[i] = add ? *(vector *)(c + i * c_width + j) : (vector){0};
        for (int64_t k = 0; k < depth; k++)
            for (int i = 0; i < count; i++) sums[i] += a[i * row + k * step] * *(const vector *)(b + k * b_width + j);
        for (int i = 0; i < count; i++) *(vector *)(c + i * c_width + j) = sums[i];
    }
}

INLINE void product(int64_t m, int64_t n, int64_t depth, const float *a, int64_t row, int64_t step, const float *b,
                    int64_t b_width, float *c, int64_t c_width, int add) {
    int64_t i = 0;
    for (; i + 4 <= m; i += 4)
        product_rows(4, n, depth, a + i * row, row, step, b, b_width, c + i * c_width, c_width, add);
    for (; i < m; i++) product_rows(1, n, depth, a + i * row, row, step, b, b_width, c + i * c_width, c_width, add);
}

/* One head of one sequence: `tokens` rows of `width` numbers, `stride` apart; `start` is where the first lies. */
typedef struct {
    int64_t tokens, width, stride, start, padded_tokens, padded_width;
    uint32_t key, share;
    float scaling, scale;
} head;

INLINE void gather(const head *one, const float *from, float *rows) {
    for (int64_t i = 0; i < one->tokens; i++) {
        memcpy(rows + i * one->padded_width, from + one->start + i * one->stride, 4 * one->width);
        memset(rows + i * one->padded_width + one->width, 0, 4 * (one->padded_width - one->width));
    }
}

INLINE void transpose(const head *one, const float *from, float *columns) {
    memset(columns, 0, 4 * one->width * one->padded_tokens);
    for (int64_t i = 0; i < one->tokens; i++)
        for (int64_t d = 0; d < one->width; d++)
            columns[d * one->padded_tokens + i] = from[one->start + i * one->stride + d];
}

INLINE void scatter(const head *one, const float *rows, float *to, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        memcpy(to + one->start + (first + i) * one->stride, rows + i * one->padded_width, 4 * one->width);
}

/* Scores of one query become weights. norm: the largest score, and the sum of exp of all less that one; known backwards. */
INLINE void weigh(const head *one, float *scores, float *norm, int known) {
    int64_t count = one->tokens;
    float most = -INFINITY, sum = 0.0f;
    if (known) {
        most = norm[0];
        sum = norm[1];
        for (int64_t j = 0; j < count; j++) scores[j] = exponential((scores[j] - most) * one->scaling);
    } else {
#pragma omp simd reduction(max : most)
        for (int64_t j = 0; j < count; j++) most = scores[j] > most ? scores[j] : most;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = 0; j < count; j++) sum += scores[j] = exponential((scores[j] - most) * one->scaling);
        norm[0] = most;
        norm[1] = sum;
    }
    float share = 1.0f / sum;
    for (int64_t j = 0; j < count; j++) scores[j] *= share;
    for (int64_t j = count; j < one->padded_tokens; j++) scores[j] = 0.0f;
}

CLONES void attend(const head *one, const float *query, const float *keys, const float *values, float *out,
                   float *norms, const uint32_t *columns, float *scratch) {
    int64_t tokens = one->tokens, wide = one->padded_tokens, narrow = one->padded_width;
    float *k = scratch, *v = k + one->width * wide, *scores = v + tokens * narrow, *states = scores + ROWS * wide;
    transpose(one, keys, k);
    gather(one, values, v);
    for (int64_t first = 0; first < tokens; first += ROWS) {
        int64_t count = tokens - first < ROWS ? tokens - first : ROWS;
        product(count, wide, one->width, query + one->start + first * one->stride, one->stride, 1, k, wide, scores,
                wide, 0);
        for (int64_t i = 0; i < count; i++) {
            float *row = scores + i * wide;
            weigh(one, row, norms + 2 * (first + i), 0);
            if (one->share) drop(row, row, columns, tokens, inner(one->key, first + i), one->share, one->scale);
        }
        product(count, narrow, tokens, scores, wide, 1, v, narrow, states, narrow, 0);
        scatter(one, states, out, first, count);
    }
}

CLONES void attend_back(const head *one, const float *query, const float *keys, const float *values, float *norms,
                        const float *given, float *d_query, float *d_keys, float *d_values, const uint32_t *columns,
                        float *scratch) {
    int64_t tokens = one->tokens, wide = one->padded_tokens, narrow = one->padded_width, area = tokens * narrow;
    float *k_columns = scratch, *v_columns = k_columns + one->width * wide, *k = v_columns + one->width * wide;
    float *q = k + area, *g = q + area, *dk = g + area, *dv = dk + area, *weights = dv + area;
    float *change = weights + ROWS * wide, *dropped = change + ROWS * wide, *dq = dropped + ROWS * wide;
    transpose(one, keys, k_columns);
    transpose(one, values, v_columns);
    gather(one, keys, k);
    gather(one, query, q);
    gather(one, given, g);
    memset(dk, 0, 4 * area);
    memset(dv, 0, 4 * area);
    for (int64_t first = 0; first < tokens; first += ROWS) {
        int64_t count = tokens - first < ROWS ? tokens - first : ROWS;
        const float *g_here = g + first * narrow, *q_here = q + first * narrow;
        product(count, wide, one->width, q_here, narrow, 1, k_columns, wide, weights, wide, 0);
        product(count, wide, one->width, g_here, narrow, 1, v_columns, wide, change, wide, 0);
        for (int64_t i = 0; i < count; i++) {
            float *weight = weights + i * wide, *row = change + i * wide, *kept = dropped + i * wide, mean = 0.0f;
            uint32_t key = inner(one->key, first + i);
            weigh(one, weight, norms + 2 * (first + i), 1);
            memcpy(kept, weight, 4 * wide);
            if (one->share) {
                drop(weight, kept, columns, tokens, key, one->share, one->scale);
                drop(row, row, columns, tokens, key, one->share, one->scale);
            }
#pragma omp simd reduction(+ : mean)
            for (int64_t j = 0; j < tokens; j++) mean += weight[j] * row[j];
            for (int64_t j = 0; j < wide; j++) row[j] = weight[j] * (row[j] - mean) * one->scaling;
        }
        product(count, narrow, tokens, change, wide, 1, k, narrow, dq, narrow, 0);
        scatter(one, dq, d_query, first, count);
        product(tokens, narrow, count, change, 1, wide, q_here, narrow, dk, narrow, 1);
        product(tokens, narrow, count, dropped, 1, wide, g_here, narrow, dv, narrow, 1);
    }
    scatter(one, dk, d_keys, 0, tokens);
    scatter(one, dv, d_values, 0, tokens);
}

/* Attention of sequences whose tokens lie one after the other, or its gradients where `given` is there.

   query, keys, values, out, given, d_*: tokens x heads x width. starts: where each sequence starts, and the last ends.
   norms: heads x tokens x 2; written forwards, read backwards. sequence_keys: what the weights of each are hashed with.
   Returns 0, or 1 where there was no memory. */
int attention(const float *query, const float *keys, const float *values, float *out, float *norms, const float *given,
              float *d_query, float *d_keys, float *d_values, const int64_t *starts, const uint32_t *sequence_keys,
              int64_t sequences, int64_t heads, int64_t width, uint32_t share, float scale, float scaling, int threads) {
    int64_t longest = 0, all = starts[sequences], failed = 0;
    for (int64_t s = 0; s < sequences; s++)
        if (starts[s + 1] - starts[s] > longest) longest = starts[s + 1] - starts[s];
    int64_t wide = (longest + LANES - 1) / LANES * LANES, narrow = (width + LANES - 1) / LANES * LANES;
    int64_t floats = (given ? 2 * width + 3 * ROWS : width + ROWS) * wide + (given ? 5 : 1) * wide * narrow + ROWS * narrow;
#pragma omp parallel num_threads(threads) if (all * longest * heads * width > 65536) reduction(| : failed)
    {
        float *scratch = malloc(4 * floats);
        uint32_t *columns = malloc(4 * wide);
        failed = !scratch || !columns;
        if (!failed)
            for (int64_t j = 0; j < wide; j++) columns[j] = column(j);
#pragma omp for schedule(dynamic)
        for (int64_t task = 0; task < sequences * heads; task++) {
            if (failed) continue;
            int64_t s = sequences - 1 - task / heads, h = task % heads, tokens = starts[s + 1] - starts[s];
            head one = {tokens, width, heads * width, (starts[s] * heads + h) * width,
                        (tokens + LANES - 1) / LANES * LANES, narrow, inner(sequence_keys[s], h), share, scaling, scale};
            float *own = norms + 2 * (h * all + starts[s]);
            if (given)
                attend_back(&one, query, keys, values, own, given, d_query, d_keys, d_values, columns, scratch);
            else
                attend(&one, query, keys, values, out, own, columns, scratch);
        }
        free(scratch);
        free(columns);
    }
    return failed;
}
