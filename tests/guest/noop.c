/* Nothing: what an instance costs. */
int main(void)
{
    return 0;
}
