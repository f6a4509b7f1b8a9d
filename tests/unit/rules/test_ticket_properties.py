"""What holds whatever anybody does: random commands at random times, on every plan and priority."""

from hypothesis import HealthCheck, settings

from tests.support.ticket_machine import TicketMachine

TicketMachine.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestTicketMachine = TicketMachine.TestCase
