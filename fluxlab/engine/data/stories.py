"""A small text to learn language from: two tales in plain words, written for FluxLab."""

from __future__ import annotations

MILL = """
the old mill stands by the river. the river is slow in the summer and fast in the spring.
the miller wakes before the sun and opens the gate. the water runs over the wheel and the
wheel begins to turn. the wheel turns the stone and the stone grinds the grain. the miller
pours the grain into the mill and the flour comes out below. the flour is white and soft and
warm. the miller has a daughter and the daughter has a grey cat. the cat sleeps on the sacks
of flour and is white in the morning. when the cat wakes it shakes the flour from its back
and is grey again. the daughter laughs and gives the cat some milk. in the summer the river
is low and the wheel stands still. then the miller sits in front of the mill and waits for
the rain. the daughter asks when the rain will come. the miller says that the rain will come
when the wind turns to the west. the cat looks at the river and waits for a fish. at night
the wind turns to the west and the clouds come over the hill. in the morning the rain falls
on the hill and on the mill and on the river. the river rises and the water runs fast. the
miller opens the gate and the wheel begins to turn again. the stone grinds the grain and the
flour comes out below. the farmer comes with a cart and brings more grain. the miller takes
the grain from the cart and gives the farmer a sack of flour. the farmer drives home over the
hill before the night. the daughter bakes bread from the flour and the bread is good. the
miller eats the bread and drinks some milk. the cat eats the fish and sleeps on the sacks of
flour. in the winter there is ice on the river and the wheel stands still. the snow lies on
the mill and on the hill. the miller mends the wheel and the daughter mends the sacks. the
cat sleeps by the fire and waits for the spring. in the spring the ice breaks and the river
is fast again. the miller opens the gate and the water runs over the wheel. then the stone
turns and the mill hums and all is well by the river.
"""

HARBOUR = """
the harbour lies where the land ends. the boats come in with the tide and go out with the
tide. the fisher has a blue boat and a long net. in the dark he rows out of the harbour and
raises the sail. the sail fills and the boat goes over the waves. the fisher throws the net
into the sea and waits. the gulls cry over the boat and wait for the fish. when the net is
heavy he pulls it into the boat. the fish are silver in the first light. the fisher turns the
boat and sails back to the harbour. his son stands at the end of the pier with a lamp. the
lamp shows the way between the rocks. the son catches the rope and ties the boat to the pier.
they carry the fish to the market and sell them before noon. the cook buys the best fish and
the gulls take the rest. when the storm comes no boat leaves the harbour. the waves break
over the pier and the wind howls around the houses. the fisher sits by the window and mends
his net. the son asks how far the sea goes. the fisher says that the sea goes as far as the
sky. after the storm the beach is full of wood and shells. the son gathers the wood for the
fire and keeps the shells in a box. one night there is fog and the fisher does not see the
rocks. the son lights the lamp and swings it at the end of the pier. the fisher sees the
light and steers the boat between the rocks. the boat comes in with the tide and the son
catches the rope. the fisher says that the lamp was the first star of the night. then they
carry the fish home and eat them by the fire. in the morning the fog is gone and the sea is
blue. the fisher raises the sail and the son goes with him. they throw the net into the sea
and wait together. the gulls cry over the boat and the sail fills with wind. when the net is
heavy they pull it into the boat. they sail back to the harbour where the land ends.
"""


def story() -> str:
    """Two tales, of a mill and of a harbour, in lower case: about 3,800 characters on one line.

    Sentences end with a full stop and a space; the second tale begins in the middle of the text.
    """
    return " ".join(MILL.split()) + " " + " ".join(HARBOUR.split())
