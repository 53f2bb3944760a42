"""Which channel is an agent's own leg of a call."""

from __future__ import annotations

from cti_server.domain.ids import AgentId, ChannelRef
from cti_server.errors import Conflict
from cti_server.ports import Switch
from cti_server.services.calls.live import LiveCall
from cti_server.services.floor import Floor


async def agent_leg(switch: Switch, floor: Floor, live: LiveCall, agent_id: AgentId) -> ChannelRef:
    """Known from its answer, else looked for on the switch. Raises Conflict when his phone has no call."""
    if live.agent_channel is not None:
        return live.agent_channel
    for leg in (await switch.snapshot()).channels:
        if leg.call_id == live.call_id and floor.of_endpoint(leg.endpoint) == agent_id:
            return leg.channel
    raise Conflict("the agent's phone has no call at the moment", reason="no_call")
