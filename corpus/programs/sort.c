// Sorting and searching of tables in place, without recursion deeper than the logarithm.
// about: Quicksort with median of three and bounded stack, heap sort, insertion sort, binary search and a selection.
// group: data
// link: --export=table
#include "firmware.h"

int32_t table[256];

static inline void swap(int32_t *a, int32_t *b)
{
    int32_t t = *a;
    *a = *b;
    *b = t;
}

void EXPORT(insertion_sort)(int32_t *a, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        int32_t x = a[i];
        uint32_t k = i;
        for (; k > 0 && a[k - 1] > x; k--) {
            a[k] = a[k - 1];
        }
        a[k] = x;
    }
}

// Splits around the median of first, middle and last. Returns how many elements stand before the second part.
INTERNAL uint32_t partition(int32_t *a, uint32_t n)
{
    uint32_t middle = n / 2;
    if (a[middle] < a[0]) swap(&a[middle], &a[0]);
    if (a[n - 1] < a[0]) swap(&a[n - 1], &a[0]);
    if (a[n - 1] < a[middle]) swap(&a[n - 1], &a[middle]);
    int32_t pivot = a[middle];
    uint32_t i = 0, j = n - 1;
    for (;;) {
        while (a[i] < pivot) i++;
        while (a[j] > pivot) j--;
        if (i >= j) {
            return j + 1;
        }
        swap(&a[i++], &a[j--]);
    }
}

void EXPORT(quick_sort)(int32_t *a, uint32_t n)
{
    while (n > 12) {
        uint32_t left = partition(a, n);
        // Recursion into the smaller part, iteration over the larger one.
        if (left < n - left) {
            quick_sort(a, left);
            a += left;
            n -= left;
        } else {
            quick_sort(a + left, n - left);
            n = left;
        }
    }
    insertion_sort(a, n);
}

INTERNAL void sift_down(int32_t *a, uint32_t root, uint32_t n)
{
    int32_t x = a[root];
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= n) {
            break;
        }
        if (child + 1 < n && a[child + 1] > a[child]) {
            child++;
        }
        if (a[child] <= x) {
            break;
        }
        a[root] = a[child];
        root = child;
    }
    a[root] = x;
}

void EXPORT(heap_sort)(int32_t *a, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;) {
        sift_down(a, i, n);
    }
    while (n > 1) {
        swap(&a[0], &a[--n]);
        sift_down(a, 0, n);
    }
}

// The position of `key` in a sorted table, or -1 - (where it would go).
int32_t EXPORT(binary_search)(const int32_t *a, uint32_t n, int32_t key)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (a[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && a[low] == key ? (int32_t)low : -1 - (int32_t)low;
}

// The k-th smallest element; moves elements. An invalid k gives INT32_MIN.
int32_t EXPORT(quick_select)(int32_t *a, uint32_t n, uint32_t k)
{
    if (k >= n) {
        return INT32_MIN;
    }
    while (n > 2) {
        uint32_t left = partition(a, n);
        if (k < left) {
            n = left;
        } else {
            a += left;
            k -= left;
            n -= left;
        }
    }
    insertion_sort(a, n);
    return a[k];
}

uint32_t EXPORT(is_sorted)(const int32_t *a, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        if (a[i - 1] > a[i]) {
            return 0;
        }
    }
    return 1;
}
