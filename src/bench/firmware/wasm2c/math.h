/* Declared because generated code defines functions over floating point; integer modules use none of them. */
#define NAN __builtin_nan("")
#define isnan(x) __builtin_isnan(x)
#define signbit(x) __builtin_signbit(x)
double floor(double), ceil(double), trunc(double), nearbyint(double), sqrt(double), fabs(double), copysign(double, double);
float floorf(float), ceilf(float), truncf(float), nearbyintf(float), sqrtf(float), fabsf(float), copysignf(float, float);
