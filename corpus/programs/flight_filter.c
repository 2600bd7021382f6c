// Attitude estimate and rate control of a small aircraft, in fixed point: angles Q16 degrees, gains Q12.
// about: Fixed-point complementary filter, attitude controller with slew limits and a motor mixer.
// group: control
// link: --export=attitude --export=motors
#include "firmware.h"

#define Q16(x)       ((int32_t)((x) * 65536))
#define ALPHA_Q12    4014 // weight of the gyro, 0.98
#define ONE_Q12      4096
#define TILT_MAX     Q16(60)
#define SLEW_MAX     400
#define THROTTLE_MIN 1000
#define THROTTLE_MAX 2000
#define E_RANGE      (-34)

struct attitude {
    int32_t roll, pitch, yaw; // Q16 degrees
    int32_t rate[3];          // Q16 degrees a second, low-passed
    uint32_t faults;
};

struct attitude attitude;
int32_t motors[4];
static int32_t integral[3];
static int32_t last_command[3];

static inline int32_t clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

static inline int32_t mul_q12(int32_t x, int32_t k)
{
    return (int32_t)(((int64_t)x * k) >> 12);
}

// Brings an angle into -180 (inclusive) to 180 (exclusive) degrees.
int32_t EXPORT(wrap_angle)(int32_t angle)
{
    int32_t turned = angle % Q16(360);
    if (turned >= Q16(180)) {
        turned -= Q16(360);
    } else if (turned < -Q16(180)) {
        turned += Q16(360);
    }
    return turned;
}

// One axis of the complementary filter: integrate the gyro, pull slowly towards the accelerometer's angle.
int32_t EXPORT(complementary)(int32_t angle, int32_t gyro_rate, int32_t accel_angle, int32_t dt_us)
{
    int64_t step = (int64_t)gyro_rate * dt_us / 1000000;
    int32_t predicted = (int32_t)(angle + step);
    return mul_q12(predicted, ALPHA_Q12) + mul_q12(accel_angle, ONE_Q12 - ALPHA_Q12);
}

// Angle of the gravity vector over one axis by a rational approximation of the arc tangent, Q16 degrees.
int32_t EXPORT(accel_tilt)(int32_t side, int32_t down)
{
    if (side == 0 && down == 0) {
        return 0;
    }
    int64_t s = side < 0 ? -(int64_t)side : side;
    int64_t d = down < 0 ? -(int64_t)down : down;
    bool steep = s > d;
    int64_t ratio = steep ? (d << 16) / s : (s << 16) / d; // Q16, 0 to 1
    // atan(r) in degrees is about r * 45 + 15.64 r (1 - r)
    int64_t angle = ratio * 45 + ((ratio * (Q16(1) - ratio) >> 16) * 1564) / 100;
    if (steep) {
        angle = Q16(90) - angle;
    }
    if (down < 0) {
        angle = Q16(180) - angle;
    }
    return (int32_t)(side < 0 ? -angle : angle);
}

// Takes one sample of the sensors. Returns 0, or E_RANGE when the tilt says that the estimate is not to be trusted.
int32_t EXPORT(attitude_update)(const int32_t gyro[3], const int32_t accel[3], int32_t dt_us)
{
    if (dt_us <= 0 || dt_us > 100000) {
        attitude.faults++;
        return E_RANGE;
    }
    for (int axis = 0; axis < 3; axis++) {
        attitude.rate[axis] += (gyro[axis] >> 3) - (attitude.rate[axis] >> 3);
    }
    attitude.roll = wrap_angle(complementary(attitude.roll, gyro[0], accel_tilt(accel[1], accel[2]), dt_us));
    attitude.pitch = wrap_angle(complementary(attitude.pitch, gyro[1], accel_tilt(-accel[0], accel[2]), dt_us));
    attitude.yaw = wrap_angle((int32_t)(attitude.yaw + (int64_t)gyro[2] * dt_us / 1000000));
    if (attitude.roll > TILT_MAX || attitude.roll < -TILT_MAX || attitude.pitch > TILT_MAX || attitude.pitch < -TILT_MAX) {
        attitude.faults++;
        return E_RANGE;
    }
    return 0;
}

// Proportional and integral action on one axis with a slew limit. Returns the command.
int32_t EXPORT(axis_control)(uint32_t axis, int32_t target, int32_t measured)
{
    if (axis > 2) {
        return 0;
    }
    int32_t error = wrap_angle((int32_t)((uint32_t)target - (uint32_t)measured));
    integral[axis] = clamp(integral[axis] + (error >> 8), -Q16(4), Q16(4));
    int32_t command = mul_q12(error, 90) / 64 + integral[axis] / 512;
    command = clamp(command, last_command[axis] - SLEW_MAX, last_command[axis] + SLEW_MAX);
    last_command[axis] = command;
    return command;
}

// Distributes throttle and three commands to four motors; lowers all when one saturates, so that control is kept.
void EXPORT(mix_motors)(int32_t throttle, int32_t roll, int32_t pitch, int32_t yaw)
{
    static const int8_t signs[4][3] = { { -1, 1, -1 }, { -1, -1, 1 }, { 1, -1, -1 }, { 1, 1, 1 } };
    int32_t highest = THROTTLE_MIN;

    throttle = clamp(throttle, THROTTLE_MIN, THROTTLE_MAX);
    for (int m = 0; m < 4; m++) {
        int32_t sum = throttle;
        sum += signs[m][0] * clamp(roll, -500, 500);
        sum += signs[m][1] * clamp(pitch, -500, 500);
        sum += signs[m][2] * clamp(yaw, -500, 500);
        motors[m] = sum;
        if (sum > highest) {
            highest = sum;
        }
    }
    int32_t excess = highest > THROTTLE_MAX ? highest - THROTTLE_MAX : 0;
    for (int m = 0; m < 4; m++) {
        motors[m] = clamp(motors[m] - excess, THROTTLE_MIN, THROTTLE_MAX);
    }
}

// The whole control step at 1 kHz. `targets`: roll, pitch, yaw. Returns the estimate's fault count.
uint32_t EXPORT(flight_step)(const int32_t gyro[3], const int32_t accel[3], const int32_t targets[3], int32_t throttle)
{
    if (attitude_update(gyro, accel, 1000) != 0) {
        mix_motors(THROTTLE_MIN, 0, 0, 0);
        return attitude.faults;
    }
    int32_t roll = axis_control(0, targets[0], attitude.roll);
    int32_t pitch = axis_control(1, targets[1], attitude.pitch);
    int32_t yaw = axis_control(2, targets[2], attitude.yaw);
    mix_motors(throttle, roll, pitch, yaw);
    return attitude.faults;
}
