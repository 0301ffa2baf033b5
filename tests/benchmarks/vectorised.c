/* The mean SSIM of pairs of uint8 images by a hand-vectorised loop: the practical limit that the
 * benchmarks hold ssimtool against. Gaussian window of 11, data range 255, float32, no border.
 *
 * The images are cut into bands and tiles that fit the caches. There s = x + y - 255 and d = x - y
 * are kept as floats, blurred down the columns for four rows of windows at once (each sample is
 * read once for all of them), then along the rows, and become 1 - SSIM without being stored:
 *   A = mu_d^2 / ((mu_s^2 + mu_d^2) / 2 + c1),  B = sigma_d^2 / ((sigma_s^2 + sigma_d^2) / 2 + c2),
 *   1 - ssim = A + B - A B, with one division for both.
 */
#include <pthread.h>
#include <stdint.h>

enum {
    TAPS = 11,
    REACH = TAPS - 1,
    LANES = 16,
    ROWS = 4,       /* rows of windows that are blurred at once */
    TILE = 512,     /* samples of a row that are computed at a time */
    BAND = 64,      /* rows of windows that are computed at a time, at most */
    CHANNELS = 4,   /* at most */
    WIDE = TILE + (CHANNELS * REACH + LANES - 1) / LANES * LANES,
    THREADS = 256,  /* at most */
};

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float loose __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t mask __attribute__((vector_size(4 * LANES)));
typedef double wide __attribute__((vector_size(8 * LANES)));

#define INLINE static inline __attribute__((always_inline))

struct scratch {
    float strip[(BAND + REACH) * 2 * WIDE] __attribute__((aligned(64)));
    float lines[ROWS * 4 * WIDE] __attribute__((aligned(64)));
};

struct job {
    const uint8_t *x, *y;
    long height, width, channels, bands, band, first, last; /* tasks: bands of all images */
    const float *weights;
    double total;
};

/* s and d of a row. */
INLINE void lift(const uint8_t *restrict x, const uint8_t *restrict y, long n, float *restrict out)
{
    for (long j = 0; j < n; j++) {
        float a = x[j], b = y[j];
        out[j] = (a - 255.0f) + b;
        out[WIDE + j] = a - b;
    }
}

/* The vertical blur of s, d, s^2, d^2 for ROWS rows of windows. */
INLINE void down(const float *restrict strip, long n, const float *w, float *restrict lines)
{
    for (long j = 0; j < n; j += LANES) {
        vec sum[ROWS][4] = {0};
#pragma GCC unroll 16
        for (int k = 0; k < REACH + ROWS; k++) {
            vec s = *(const vec *)(strip + 2 * k * WIDE + j);
            vec d = *(const vec *)(strip + (2 * k + 1) * WIDE + j);
            vec ss = s * s, dd = d * d;
#pragma GCC unroll 16
            for (int r = 0; r < ROWS; r++) {
                if (k < r || k >= r + TAPS)
                    continue;
                sum[r][0] += w[k - r] * s;
                sum[r][1] += w[k - r] * d;
                sum[r][2] += w[k - r] * ss;
                sum[r][3] += w[k - r] * dd;
            }
        }
#pragma GCC unroll 16
        for (int i = 0; i < 4 * ROWS; i++)
            *(vec *)(lines + i * WIDE + j) = sum[i / 4][i % 4];
    }
}

/* The horizontal blur of LANES samples. */
INLINE vec along(const float *line, long c, const float *w)
{
    vec sum = w[0] * *(const loose *)line;
#pragma GCC unroll 16
    for (int k = 1; k < TAPS; k++)
        sum += w[k] * *(const loose *)(line + k * c);
    return sum;
}

/* 1 - SSIM of LANES samples from the four lines of a row of windows. */
INLINE vec loss(const float *line, long c, const float *w)
{
    const float c1 = 0.01f * 255 * 0.01f * 255, c2 = 0.03f * 255 * 0.03f * 255;
    vec mu_s = along(line, c, w), mu_d = along(line + WIDE, c, w);
    vec var_s = along(line + 2 * WIDE, c, w) - mu_s * mu_s;
    vec var_d = along(line + 3 * WIDE, c, w) - mu_d * mu_d;
    var_s = (vec)((mask)var_s & (var_s > 0)); /* never below 0 */
    var_d = (vec)((mask)var_d & (var_d > 0));
    mu_s += 255.0f;
    mu_d *= mu_d;
    vec p = (mu_s * mu_s + mu_d) * 0.5f + c1, q = (var_s + var_d) * 0.5f + c2;
    return (mu_d * q + var_d * (p - mu_d)) / (p * q);
}

/* The sum of 1 - SSIM over n samples of one row of windows. */
INLINE double sum_of_row(const float *line, long n, long c, const float *w)
{
    wide sums = {0};
    double total = 0;
    long j = 0;
    for (; j + LANES <= n; j += LANES)
        sums += __builtin_convertvector(loss(line + j, c, w), wide);
    if (j < n) {
        vec rest = loss(line + j, c, w);
        for (int i = 0; i < n - j; i++)
            total += rest[i];
    }
    for (int i = 0; i < LANES; i++)
        total += sums[i];
    return total;
}

/* The sum of 1 - SSIM over a band of `rows` rows of windows, the samples of its top at x and y. */
INLINE double sum_of_band(const uint8_t *x, const uint8_t *y, long rows, long width, long c,
                          const float *weights, struct scratch *at)
{
    long step = width * c, length = (width - REACH) * c;
    float w[TAPS];
    double total = 0;
    for (int k = 0; k < TAPS; k++)
        w[k] = weights[k];
    for (long tile = 0; tile < length; tile += TILE) {
        long n = length - tile < TILE ? length - tile : TILE;
        for (long r = 0; r < rows + REACH; r++) {
            long from = r * step + tile;
            lift(x + from, y + from, n + REACH * c, at->strip + 2 * r * WIDE);
        }
        for (long row = 0; row < rows; row += ROWS) {
            down(at->strip + 2 * row * WIDE, n + REACH * c, w, at->lines);
            for (long r = 0; r < ROWS && row + r < rows; r++)
                total += sum_of_row(at->lines + 4 * r * WIDE, n, c, w);
        }
    }
    return total;
}

static void *run(void *argument)
{
    static __thread struct scratch scratch;
    struct job *job = argument;
    long rows = job->height - REACH, step = job->width * job->channels;
    job->total = 0;
    for (long task = job->first; task < job->last; task++) {
        long top = task % job->bands * job->band;
        long from = (task / job->bands * job->height + top) * step;
        long n = rows - top < job->band ? rows - top : job->band;
        const uint8_t *x = job->x + from, *y = job->y + from;
        if (job->channels == 1) /* the stride of the taps is a constant then */
            job->total += sum_of_band(x, y, n, job->width, 1, job->weights, &scratch);
        else if (job->channels == 3)
            job->total += sum_of_band(x, y, n, job->width, 3, job->weights, &scratch);
        else
            job->total += sum_of_band(x, y, n, job->width, job->channels, job->weights, &scratch);
    }
    return 0;
}

/* The mean of 1 - SSIM over `images` pairs (height, width, channels) that lie behind each other.
 * `weights` are the TAPS of the window. */
double mean_loss(const uint8_t *x, const uint8_t *y, long images, long height, long width,
                 long channels, const float *weights, int threads)
{
    struct job jobs[THREADS];
    pthread_t ids[THREADS];
    long rows = height - REACH, bands = (rows + BAND - 1) / BAND;
    if (images % threads)
        bands = (bands + threads - 1) / threads * threads; /* as much for each thread */
    long band = ((rows + bands - 1) / bands + ROWS - 1) / ROWS * ROWS;
    bands = (rows + band - 1) / band;
    long tasks = images * bands;
    for (int i = 0; i < threads; i++) {
        jobs[i] = (struct job){x, y, height, width, channels, bands, band,
                               tasks * i / threads, tasks * (i + 1) / threads, weights, 0};
        if (i && pthread_create(ids + i, 0, run, jobs + i))
            return -1;
    }
    run(jobs);
    double total = jobs[0].total;
    for (int i = 1; i < threads; i++) {
        pthread_join(ids[i], 0);
        total += jobs[i].total;
    }
    return total / ((double)images * rows * (width - REACH) * channels);
}
