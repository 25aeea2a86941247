"""What each function does, on ports alone. Every use case may run twice harmlessly: deliveries repeat."""
