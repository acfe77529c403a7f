"""What requests cost as a desk grows: the same requests on a small and on a large one."""
