#include "CPlanProto.h"
