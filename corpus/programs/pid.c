// A PID controller in fixed point with anti-windup, filtered derivative and an autotuning relay.
// about: Fixed-point PID controller with anti-windup, a first-order plant to run it against, and a tuning relay.
// group: control
// link: --export=loop_a
#include "firmware.h"

#define E_INVAL (-22)

struct pid {
    int32_t kp, ki, kd;   // Q8
    int32_t low, high;    // output range
    int32_t integral;     // Q8
    int32_t last_measured;
    int32_t derivative;   // filtered, Q8
};

struct pid loop_a;

static inline int32_t saturate(int64_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : (int32_t)x;
}

int32_t EXPORT(pid_init)(struct pid *c, int32_t kp, int32_t ki, int32_t kd, int32_t low, int32_t high)
{
    if (low > high || kp < 0 || ki < 0 || kd < 0) {
        return E_INVAL;
    }
    *c = (struct pid){ kp, ki, kd, low, high, 0, 0, 0 };
    return 0;
}

int32_t EXPORT(pid_step)(struct pid *c, int32_t target, int32_t measured)
{
    int64_t error = (int64_t)target - measured;
    int64_t proportional = error * c->kp;
    // The derivative acts on the measurement, so that a step of the target gives no kick.
    int64_t slope = ((int64_t)c->last_measured - measured) * c->kd;
    c->derivative += (int32_t)(saturate(slope, INT32_MIN / 2, INT32_MAX / 2) - c->derivative) >> 2;
    c->last_measured = measured;

    int64_t integral = c->integral + error * c->ki;
    int64_t out = (proportional + integral + c->derivative) >> 8;
    int32_t limited = saturate(out, c->low, c->high);
    // Anti-windup: the integral only moves while the output is free, or back towards its range.
    if (limited == out || (out > limited) == (error < 0)) {
        c->integral = saturate(integral, INT32_MIN, INT32_MAX);
    }
    return limited;
}

// First-order plant with a dead band, one step: returns the new value.
int32_t EXPORT(plant_step)(int32_t value, int32_t drive, int32_t time_constant)
{
    if (time_constant <= 0) {
        return drive;
    }
    int64_t difference = (int64_t)drive - value;
    if (difference > -3 && difference < 3) {
        return value;
    }
    return (int32_t)(value + difference / time_constant);
}

// Runs controller and plant together. Returns the value after `steps` (at most 2000).
int32_t EXPORT(pid_simulate)(struct pid *c, int32_t target, int32_t start, int32_t steps)
{
    int32_t value = start;
    for (int32_t i = 0; i < steps && i < 2000; i++) {
        value = plant_step(value, pid_step(c, target, value), 16);
    }
    return value;
}

// Relay with hysteresis for tuning. Counts zero crossings in the high half, keeps the level in bit 0.
uint32_t EXPORT(relay_step)(uint32_t state, int32_t error, int32_t hysteresis)
{
    uint32_t level = state & 1;
    uint32_t next = level;
    if (error > hysteresis) {
        next = 1;
    } else if (error < -hysteresis) {
        next = 0;
    }
    uint32_t crossings = (state >> 16) + (next != level);
    return (crossings << 16) | next;
}
